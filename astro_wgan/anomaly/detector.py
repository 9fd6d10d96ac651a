"""`AnomalyDetector`: model, latent search and calibration behind a few verbs."""

from dataclasses import asdict, replace

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.calibration import LEVELS, Calibration
from astro_wgan.anomaly.conformal import q_values
from astro_wgan.anomaly.contamination import check_contamination
from astro_wgan.anomaly.detector_folder import DetectorParts, load_parts, save_parts
from astro_wgan.anomaly.detector_state import DetectorState
from astro_wgan.anomaly.drift import check_drift, check_pixel_scale
from astro_wgan.anomaly.measurements import measure_misfit
from astro_wgan.anomaly.search.encoder import train_encoder
from astro_wgan.gallery.page import write_gallery
from astro_wgan.stamps import StampSet
from astro_wgan.store import as_stamps

__all__ = ['AnomalyDetector']


class AnomalyDetector(DetectorState):
    """
    Says how strange a stamp is, against what a WGAN has learnt.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    search : `~astro_wgan.anomaly.LatentSearch`, optional
        How the closest image is looked for. Unless given, an encoder's word is taken where there
        is one, since a search beyond it also comes closer to what is strange; and where there is
        none a free z is searched.
    scoring : `~astro_wgan.anomaly.Scoring`, optional
        What the score is made of.
    encoder : `keras.Model`, optional
        Of `~astro_wgan.anomaly.train_encoder`, for a search that starts from it. Unless given,
        that of the model, where it has one.

    Attributes
    ----------
    wgan, search, scoring
        As given. A detector whose model, search, scoring or encoder is replaced by another, or
        whose model is fitted anew, is no longer calibrated.
    encoder_ : `keras.Model`
        The encoder that was given or trained for this model, otherwise that of the model.
    calibration_ : `~astro_wgan.anomaly.Calibration`
        Scores of normal stamps, once calibrated, with the search, scoring and networks that they
        belong to.
    trends_ : dict of `~astro_wgan.anomaly.BrightnessTrend`
        What normal stamps have by brightness, by column of the misfit; of the calibration.
    conditions_ : `~astro_wgan.anomaly.drift.NormalConditions`
        Their noise, brightness, positions and sky; of the calibration.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5.

    A detector can be pickled and copied at any time, used or not, and so be sent to other
    processes.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import AnomalyDetector, StampSet, WGAN
    >>> from astro_wgan.anomaly import LatentSearch, LatentSearcher
    >>> stamps = StampSet(np.random.default_rng(1).normal(size=(80, 16, 16)))
    >>> normal, held_out = stamps.split(0.5, seed=1)
    >>> wgan = WGAN.preset('compact', size=16).fit(normal, iterations=1, progress=False)
    >>> detector = AnomalyDetector(wgan, search=LatentSearch(max_iterations=5))
    >>> table = detector.calibrate(held_out, progress=False).score(stamps[:3], progress=False)
    >>> table['id', 'score', 'residual', 'feature', 'p_value', 'anomalous_90'].colnames
    ['id', 'score', 'residual', 'feature', 'p_value', 'anomalous_90']
    """

    def __repr__(self):
        state = 'calibrated' if hasattr(self, 'calibration_') else 'not calibrated'
        return f'<AnomalyDetector: {self.wgan!r}, search {self.search.start!r}, {state}>'

    def measure(self, stamps, *, positions=None, progress=True, resume=None):
        """
        Misfit of each stamp without a judgement: see `~astro_wgan.anomaly.measure_misfit`.

        Parameters
        ----------
        stamps, positions, progress, resume
            As for `score`.

        Returns
        -------
        `~astropy.table.QTable`
        """
        stamps = as_stamps(stamps, positions=positions, size=self.wgan.network.size)
        check_pixel_scale(stamps, self.wgan.pixel_scale_)
        return measure_misfit(
            self._searcher(),
            stamps,
            scoring=self.scoring,
            progress=progress,
            resume=resume,
        )

    def train_encoder(self, stamps, *, config=None, seed=0, progress=True):
        """
        Train an encoder for the search: see `~astro_wgan.anomaly.train_encoder`.

        Returns
        -------
        AnomalyDetector
            This object, whose search now starts from the encoder. It is no longer calibrated.
        """
        self.encoder_ = train_encoder(
            self.wgan, stamps, config=config, seed=seed, progress=progress
        )
        self.search = replace(self.search, start='encoder')
        return self

    def calibrate(self, held_out, *, training=None, contamination=0.0, progress=True):
        """
        Learn which scores normal stamps have.

        Parameters
        ----------
        held_out : `~astro_wgan.StampSet`, `~astro_wgan.StampStore`, path-like or QTable
            Normal stamps that the model was not trained on, or their table from `measure`.
        training : the same, optional
            Stamps that it was trained on, for the paper's thresholds beside the honest ones.
        contamination : float or 'estimate', optional
            Share of ``held_out`` that is not normal, as of the stamps of a real field some are. By
            default all are taken for normal: then anomalies among them make p-values too large, and
            fewer are found. Otherwise each counts by the probability that it is normal: see
            `~astro_wgan.anomaly.contamination.normal_probabilities` for what is assumed.
        progress : bool, optional
            Show progress lines.

        Returns
        -------
        AnomalyDetector
            This object.

        Raises
        ------
        ValueError
            If ``contamination`` is no share, a table is that of another model or search or of
            another smoothing, or no held-out stamp has a score.
        """
        check_contamination(contamination)
        sets = [held_out] if training is None else [held_out, training]
        for given in sets:
            self._check_measured(given)
        tables = [s if isinstance(s, QTable) else self.measure(s, progress=progress) for s in sets]
        self._calibration = Calibration.fit(
            tables[0],
            training=None if training is None else tables[1],
            contamination=contamination,
            scoring=self.scoring,
            search=self.search,
            model=self._describe(),
        )
        self._changed = None
        return self

    def score(self, stamps, *, positions=None, member=None, progress=True, resume=None):
        """
        Anomaly scores with p-values and flags.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore`, path-like or QTable
            Stamps to judge, the path of a store of them, an image with ``positions``, or anything
            else that `~astro_wgan.store.as_stamps` takes; or their table from `measure`.
        positions : array_like, SkyCoord, Table or regions, optional
            Where ``stamps`` is an image, such as a `~astropy.nddata.CCDData`, or its path: the
            centres of stamps of the model's size, as in `~astro_wgan.StampSet.from_image`.
        member : array_like of bool, optional
            True for stamps that the detector was calibrated on, known by ``id`` and ``noise``: each
            is then compared with the others.
        progress : bool, optional
            Show a progress line.
        resume : path-like, optional
            File that keeps what has been measured, so that an interrupted call goes on.

        Returns
        -------
        `~astropy.table.QTable`
            The columns of `measure`, then ``score`` (see `Scoring`: by default, standard
            deviations above normals that are as bright), ``p_value``, ``anomalous_85``,
            ``anomalous_90`` and ``anomalous_95`` (score above the held-out threshold), and
            ``rank`` (1 is the strangest; stamps without a score come last).
            ``meta['thresholds']`` holds the thresholds from held-out and, where known, from
            training stamps.

        Raises
        ------
        `~astro_wgan.exceptions.NotFittedError`
            If the detector has not been calibrated with the model, search and scoring that it has.
        ValueError
            If the stamps do not fit the model, ``resume`` belongs to other work, a table is that of
            another model, search or smoothing, or a ``member`` was not calibrated on.

        Warns
        -----
        `~astro_wgan.exceptions.DriftWarning`
            If pixel scale, noise, brightness, centers or sky are not those of the calibration, or
            more than half of the stamps are stranger than three quarters of the normals.
        """
        calibration = self.calibration_
        self._check_measured(stamps, trends=calibration.trends)
        if isinstance(stamps, QTable) and positions is None:
            table = stamps.copy()
        else:
            options = {'progress': progress, 'resume': resume}
            table = self.measure(stamps, positions=positions, **options)
        score = calibration.score(table, member=member)
        table['score'] = score
        table['p_value'] = calibration.p_value(score, member=member)
        table['q_value'] = q_values(table['p_value'])
        check_drift(calibration.conditions, table, table['p_value'])
        thresholds = calibration.thresholds()
        for level in LEVELS:
            table[f'anomalous_{level}'] = score > thresholds[level]
        order = np.argsort(np.where(np.isnan(score), -np.inf, score))[::-1]
        rank = np.empty(len(table), dtype=np.int64)
        rank[order] = np.arange(1, len(table) + 1)
        table['rank'] = rank
        table.meta['scoring'] = asdict(self.scoring)
        table.meta['thresholds'] = _thresholds(calibration)
        table.meta['contamination'] = calibration.contamination
        return table

    def classify(
        self, stamps, *, level=None, source='held-out', false_discovery_rate=None, **options
    ):
        """
        Which stamps are anomalous.

        Parameters
        ----------
        stamps : `~astropy.table.QTable`
            From `score`; or what `score` takes.
        level : float, optional
            Those with a score above that of so many per cent of the normals are; 90 by default.
        source : {'held-out', 'training'}, optional
            Which normals: those held out, of which then no more than 100 - ``level`` per cent are
            called anomalous, or, as in the paper, those that the networks were trained on.
        false_discovery_rate : float, optional
            Instead of ``level``: as many of the strangest as can be named so that no more than
            this share of them is expected to be normal.
        **options
            Of `score`, where ``stamps`` is no table of it.

        Returns
        -------
        `~numpy.ndarray` of bool, shape (n,)
            False where there is no score.

        Raises
        ------
        ValueError
            If ``level`` is no percentage, ``false_discovery_rate`` does not lie between 0 and 1 or
            is given beside ``level`` or a ``source`` other than the held-out normals, of which its
            p-values are, or the detector was not calibrated with normals of this ``source``.
        """
        calibration = self.calibration_
        rate = false_discovery_rate
        if rate is not None:
            if level is not None or source != 'held-out':
                raise ValueError(
                    'Give `false_discovery_rate` or `level` and `source`: a list has the one or '
                    'the other.'
                )
            if not 0 < rate < 1:
                raise ValueError(f'`false_discovery_rate` must lie between 0 and 1; got {rate}.')
        level = 90 if level is None else level
        threshold = calibration.thresholds([level], source=source)[level]
        scored = isinstance(stamps, QTable) and 'score' in stamps.colnames
        table = stamps if scored else self.score(stamps, **options)
        if rate is not None:
            return np.asarray(table['q_value']) <= rate
        return np.asarray(table['score']) > threshold

    def closest(self, table, *, like=None):
        """
        The closest images, from the latent vectors of a score table.

        Parameters
        ----------
        table : `~astropy.table.QTable`
            From `score` or `measure`.
        like : `~astro_wgan.StampSet`, optional
            Stamps that hold those of the table, for WCS and table. They are found by their ids, in
            whatever order they are.

        Returns
        -------
        `~astro_wgan.StampSet`
            In the unit of the training, in the order of ``table``.

        Raises
        ------
        ValueError
            If ``like`` lacks a stamp of the table, an id is there twice, or the table is that of
            another model.
        """
        if like is not None:
            like = like[_rows_of(_column(table, 'id'), like.ids)]
        return self.wgan.stamps_from_images(self._closest_images(table), like=like)

    def residual(self, stamps, table):
        """
        What the closest images leave of the stamps, x - G(z), in the unit of the training.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            The stamps.
        table : `~astropy.table.QTable`
            Their scores, in the same order.

        Returns
        -------
        `~astro_wgan.StampSet`
            With the mask of the stamps.
        """
        self._check_rows(stamps, table)
        residual = self.closest(table, like=stamps)
        pixels = stamps.pixels
        if stamps.unit is not None and stamps.unit != residual.unit:
            pixels = stamps.quantity.to_value(residual.unit)
        # What is beyond float32 becomes its largest number, as in the closest images.
        largest = np.finfo(np.float32).max
        left = np.clip(pixels.astype(float) - residual.pixels, -largest, largest)
        left = left.astype(residual.pixels.dtype)
        return residual.replace(pixels=left, mask=stamps.mask)

    def contributions(self, stamps, table):
        """
        Where in each stamp the misfit lies.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            The stamps.
        table : `~astropy.table.QTable`
            Their scores, in the same order.

        Returns
        -------
        `~astro_wgan.StampSet`
            The share of the column ``structure`` that each pixel contributes; all of a stamp, over
            all bands, add up to 1. NaN, and masked, in a stamp without a valid pixel or a misfit.
        """
        self._check_rows(stamps, table)
        images, weights, closest = self._compared(stamps, table)
        parts = self.scoring.contributions(images - closest, weights)
        with np.errstate(invalid='ignore'):
            shares = parts / parts.sum(axis=(1, 2, 3), keepdims=True)
        return StampSet(
            shares.reshape(stamps.pixels.shape),
            pixel_scale=stamps.pixel_scale,
            geometry=stamps.geometry,
            table=stamps.table,
        )

    def gallery(self, stamps, table, path, *, title='Strangest stamps', limit=300, **options):
        """
        A self-contained page of ranked cards: input, closest image, residual, score.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            The stamps.
        table : `~astropy.table.QTable`
            Their scores, in the same order.
        path : path-like
            HTML file to write.
        title : str, optional
            Its title.
        limit : int, optional
            Cards for so many of the strangest.
        **options
            More arguments of `~astro_wgan.gallery.write_gallery`.

        Returns
        -------
        `~pathlib.Path`
        """
        self._check_rows(stamps, table)
        shown = np.argsort(_column(table, 'rank'))[:limit]
        images, weights, closest = self._compared(stamps[shown], table[shown])
        images = np.where(weights > 0, images, np.nan)
        return write_gallery(
            path,
            table,
            rows=shown,
            inputs=images,
            closest=closest,
            residuals=images - closest,
            title=title,
            **{'pixel_scale': stamps.pixel_scale, **options},
        )

    def save(self, folder):
        """
        Write model, search and calibration into one folder.

        Parameters
        ----------
        folder : path-like
            Made if needed; an earlier model or detector in it is replaced, all of it at once: a
            kill leaves either. Other files in it stay.

        Raises
        ------
        ValueError
            If a network has weights that are not finite, or an encoder of your own has layers that
            do more than compute: allowed are the plain ones of Keras.
        FileExistsError
            If a file of one of the names is there that is not of an earlier save.
        OSError
            If it cannot be written; an earlier detector stays.
        """
        self._encoder()  # it must not be that of another model
        calibration = self.calibration_ if hasattr(self, 'calibration_') else None
        parts = DetectorParts(self.wgan, self.search, self.scoring, self._own_encoder, calibration)
        save_parts(folder, parts)

    @classmethod
    def load(cls, folder, *, max_size=None):
        """
        Read a detector that `save` wrote. No code of the files is run, whoever wrote them.

        Parameters
        ----------
        folder : path-like
            The folder.
        max_size : number, optional
            Bytes of memory that each of its files may take. A quarter of that of the machine,
            unless given.

        Raises
        ------
        FileNotFoundError
            If the folder holds no detector.
        ValueError
            If its files are not of this version, or are damaged, or need more memory.
        """
        parts = load_parts(folder, max_size=max_size)
        options = {'search': parts.search, 'scoring': parts.scoring, 'encoder': parts.encoder}
        detector = cls(parts.wgan, **options)
        if parts.calibration is not None:
            detector._calibration = replace(parts.calibration, model=detector._describe())
        return detector

    def _compared(self, stamps, table):
        """Images, weights of their pixels and closest images, in stretched intensity."""
        return *self.wgan.images_from_stamps(stamps), self._closest_images(table)

    def _closest_images(self, table):
        self._check_networks(table)
        return self.wgan.images_from_latent(_column(table, 'latent').astype(np.float32))

    def _check_rows(self, stamps, table):
        if len(stamps) != len(table) or not np.array_equal(stamps.ids, _column(table, 'id')):
            raise ValueError('`table` must hold the scores of `stamps`, row by row.')


def _thresholds(calibration):
    sources = ['held-out'] if calibration.training is None else ['held-out', 'training']
    found = {s: calibration.thresholds(source=s) for s in sources}
    # Text keys: the table's meta goes into YAML and JSON.
    return {s: {str(level): t for level, t in by.items()} for s, by in found.items()}


def _column(table, name):
    if name not in table.colnames:
        raise ValueError(
            f'`table` must have the column {name!r}, as `score` gives it; it has '
            f'{", ".join(table.colnames)}.'
        )
    return np.asarray(table[name])


def _rows_of(wanted, ids):
    """Where in the ids of stamps those of a table are."""
    order = np.argsort(ids, kind='stable')
    rows = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), max(len(ids) - 1, 0))]
    if len(np.unique(ids)) < len(ids):
        raise ValueError('`like` must have an id for each stamp; some of its ids are there twice.')
    missing = ids[rows] != wanted
    if missing.any():
        raise ValueError(
            f'`like` must hold each stamp of the table; it lacks {missing.sum()} of '
            f'{len(wanted)}, the first has the id {wanted[missing].tolist()[0]!r}.'
        )
    return rows
