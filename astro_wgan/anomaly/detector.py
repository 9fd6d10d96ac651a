"""`AnomalyDetector`: measure, calibrate, score and inspect stamps with a trained WGAN."""

from dataclasses import replace

import numpy as np
from astropy.table import QTable

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.calibration.contamination import check_contamination
from astro_wgan.anomaly.calibration.drift import check_drift
from astro_wgan.anomaly.classifier.classifier_training import train_classifier
from astro_wgan.anomaly.closest_images import ClosestImages
from astro_wgan.anomaly.combined_score import FEATURES
from astro_wgan.anomaly.measurements import measure_residual_statistics
from astro_wgan.anomaly.score_table import add_scores
from astro_wgan.anomaly.search.encoder import train_encoder
from astro_wgan.anomaly.search.latent_search import LatentSearcher

__all__ = ['AnomalyDetector']


class AnomalyDetector(ClosestImages):
    """
    Score how anomalous stamps are with respect to a trained WGAN.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`
        Fitted model.
    search : `~astro_wgan.anomaly.LatentSearchConfig`, optional
        Configuration of the search for the closest image. By default the encoder's prediction is
        used if there is an encoder, because optimizing further also improves the fit to anomalies;
        otherwise z is optimized from the center of its distribution.
    scoring : `~astro_wgan.anomaly.ScoringConfig`, optional
        Configuration of the score.
    encoder : `keras.Model`, optional
        Encoder from `~astro_wgan.anomaly.train_encoder`, by default that of the model, if any.
    classifier : `~astro_wgan.anomaly.classifier.injection_classifier.InjectionClassifier`, optional
        Classifier of injected anomalies; see `train_classifier`.

    Attributes
    ----------
    wgan, search, scoring
        As given. Assigning another one, or another encoder, or fitting the model again, invalidates
        the calibration.
    encoder_ : `keras.Model`
        Encoder that was given or trained for this model, otherwise that of the model.
    calibration_ : `~astro_wgan.anomaly.Calibration`
        Scores of normal stamps, with the search, scoring and networks that they belong to.
    trends_ : dict
        Distributions of the terms of the score for normal stamps: a
        `~astro_wgan.anomaly.BrightnessTrend` for each column, and with a classifier a
        `~astro_wgan.anomaly.calibration.tail_probability.TailProbability` for each term.
    conditions_ : `~astro_wgan.anomaly.calibration.drift.NormalConditions`
        Noise, brightness, positions and sky of the normal stamps.

    Notes
    -----
    Margalef-Bentabol et al. 2020, section 3.5.

    `score` returns a table with a score per stamp, as scikit-learn's ``score_samples`` returns an
    array; `predict` returns labels.

    A detector can be pickled and copied at any time, and so be sent to other processes.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import AnomalyDetector, StampSet, WGAN
    >>> from astro_wgan.anomaly import LatentSearchConfig
    >>> stamps = StampSet(np.random.default_rng(1).normal(size=(80, 16, 16)))
    >>> normal, held_out = stamps.split(0.5, seed=1)
    >>> wgan = WGAN.preset('compact', size=16).fit(normal, iterations=1, progress=False)
    >>> detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=5))
    >>> detector = detector.calibrate(held_out, progress=False)
    >>> table = detector.score(stamps[:3], progress=False)
    >>> table['id', 'score', 'smoothed_residual', 'p_value', 'anomalous_90'].colnames
    ['id', 'score', 'smoothed_residual', 'p_value', 'anomalous_90']
    """

    def measure(
        self,
        stamps,
        *,
        positions=None,
        features=None,
        progress=True,
        output=None,
        processes=1,
        client=None,
    ):
        """
        Losses and residual statistics of each stamp, without a score.

        Parameters
        ----------
        stamps, positions, features, progress, output, processes, client
            As for `score`.

        Returns
        -------
        `~astropy.table.QTable`
            See `~astro_wgan.anomaly.measure_residual_statistics`; with ``features`` their column.
        """
        stamps = self._as_own_stamps(stamps, positions)
        return self._measure(
            stamps,
            self._given_features(features, stamps),
            progress=progress,
            output=output,
            processes=processes,
            client=client,
        )

    def _measure(self, stamps, features, **options):
        table = measure_residual_statistics(
            self._searcher(), stamps, scoring=self.scoring, **options
        )
        if features is not None:
            table[FEATURES] = features
        return table

    def train_encoder(self, stamps, *, config=None, seed=0, progress=True):
        """
        Train an encoder and use it for the search: see `~astro_wgan.anomaly.train_encoder`.

        Returns
        -------
        AnomalyDetector
            This object, with ``init='encoder'`` in its search. It has to be calibrated again.
        """
        self.encoder_ = train_encoder(
            self.wgan, stamps, config=config, seed=seed, progress=progress
        )
        self.search = replace(self.search, init='encoder')
        return self

    def train_classifier(self, stamps, *, config=None, seed=0, progress=True):
        """
        Train a classifier of injected anomalies, whose log odds become a term of the score.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
            Normal stamps, such as those that the model was trained on; not those of the
            calibration. Of many, those that are needed are drawn at random, and only these are
            read.
        config : `~astro_wgan.anomaly.ClassifierConfig`, optional
            What is injected, and how long the network learns.
        seed : int, optional
            Seed of all that is drawn.
        progress : bool, optional
            Show a progress line.

        Returns
        -------
        AnomalyDetector
            This object. It has to be calibrated again.

        Raises
        ------
        ValueError
            If there are fewer than 16 stamps with valid pixels, or they do not fit the model.
        KeyboardInterrupt
            After Ctrl-C. The detector is as it was, as after an error.

        Notes
        -----
        The score becomes a sum of logarithms of probabilities, of the log odds, the residuals and
        the value of the critic, with the weights of `~astro_wgan.anomaly.ScoringConfig`. Without
        ``by_brightness``, as in `ScoringConfig.paper <astro_wgan.anomaly.ScoringConfig.paper>`, it
        stays the statistic itself.
        """
        # A former classifier has no part in it, and stays until there is a new one.
        searcher = LatentSearcher(self.wgan, self.search, encoder=self._encoder())
        self.classifier_ = train_classifier(
            searcher, stamps, scoring=self.scoring, config=config, seed=seed, progress=progress
        )
        return self

    def calibrate(
        self, held_out, *, training=None, features=None, contamination=0.0, progress=True
    ):
        """
        Learn the distribution of the scores of normal stamps.

        Parameters
        ----------
        held_out : `~astro_wgan.StampSet`, `~astro_wgan.StampStore`, path-like or QTable
            Normal stamps that the model was not trained on, or their table from `measure`.
        training : the same, optional
            Stamps that it was trained on, for the thresholds of the paper in addition.
        features : array_like, table or callable, optional
            Features of the held-out stamps, whose distance from those of normals becomes a term of
            the score: see `score`. With ``training`` a callable, unless both are tables with
            features.
        contamination : float or 'estimate', optional
            Fraction of anomalies among ``held_out``. By default all are taken to be normal;
            anomalies among them then raise p-values. Otherwise each is weighted by the probability
            that it is normal: for the assumptions see
            `~astro_wgan.anomaly.calibration.contamination.normal_probabilities`.
        progress : bool, optional
            Show progress lines.

        Returns
        -------
        AnomalyDetector
            This object.

        Raises
        ------
        ValueError
            If ``contamination`` is out of range, a table belongs to another model, search or
            smoothing, no held-out stamp has a score, or ``features`` do not fit the stamps or are
            finite for fewer than two of them.
        """
        check_contamination(contamination)
        sets = [held_out] if training is None else [held_out, training]
        if features is not None and training is not None and not callable(features):
            raise ValueError(
                '`features` must be a callable if there are `training` stamps, too, which need '
                f'features of their own; got a {type(features).__name__}.'
            )
        for given in sets:
            self._check_measured(given)
        tables = [self._with_features(given, features, progress) for given in sets]
        if len({FEATURES in table.colnames for table in tables}) > 1:
            raise ValueError('Of `held_out` and `training`, both must have features, or neither.')
        if FEATURES in tables[0].colnames:
            known = np.count_nonzero(np.isfinite(tables[0][FEATURES]).all(axis=1))
            # From a single normal all others would be infinitely far.
            if known < 2:
                raise ValueError(
                    f'`features` must be finite for at least two held-out stamps; got {known}.'
                )
        self._calibration = Calibration.from_measurements(
            tables[0],
            training=None if training is None else tables[1],
            contamination=contamination,
            scoring=self.scoring,
            search=self.search,
            model=self._describe_networks(),
        )
        self._replaced = None
        return self

    def score(
        self,
        stamps,
        *,
        positions=None,
        features=None,
        in_calibration=None,
        progress=True,
        output=None,
        processes=1,
        client=None,
    ):
        """
        Anomaly scores with p-values and flags.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore`, path-like or QTable
            Stamps to score, the path of a store of them, an image with ``positions``, or anything
            else that `~astro_wgan.store.as_stamps` takes; or their table from `measure`.
        positions : array_like, SkyCoord, Table or regions, optional
            If ``stamps`` is an image, such as a `~astropy.nddata.CCDData`, or its path: centers of
            stamps of the model's size, as in `~astro_wgan.StampSet.from_image`.
        features : array_like, shape (n, d), table or callable, optional
            Features of the stamps, in their order, for a detector that was calibrated with
            ``features``: an array, a table with the column ``features``, or a callable that is
            given the stamps and returns either, such as `features` of this detector or
            `~astro_wgan.features.onnx_features` with its file. All should have comparable units.
        in_calibration : array_like of bool, optional
            True for stamps that are part of the calibration, matched by ``id`` and ``noise_rms``:
            each is compared with the others.
        progress : bool, optional
            Show a progress line.
        output : path-like, optional
            File that keeps the results. An interrupted call that is repeated with the same
            arguments goes on from it; results of other work are refused.
        processes : int, optional
            Number of processes that work at the same time. TensorFlow uses all cores already in
            one.
        client : `dask.distributed.Client` or 'current', optional
            Cluster that works instead.

        Returns
        -------
        `~astropy.table.QTable`
            The columns of `measure`, then

            * ``score``: see `~astro_wgan.anomaly.ScoringConfig`; by default in standard deviations
              above normal stamps of the same brightness, and with a classifier or features in
              decades of probability;
            * ``score_smoothed_residual``, ``score_rotation_residual``, ``score_peak_residual``,
              with several bands ``score_color_residual``, with a classifier ``score_injection``
              and ``score_critic``, and with features ``score_features``: what each term
              contributes; their sum is ``score``;
            * ``p_value``: probability that a normal stamp has a score at least as high;
            * ``q_value``: false-discovery rate of the list of all stamps that rank as high (see
              `~astro_wgan.anomaly.q_values`);
            * ``anomalous_85``, ``anomalous_90`` and ``anomalous_95``: whether the score is above
              this percentile of the held-out normals;
            * ``rank``: from 1, the highest score; stamps without a score come last.

            ``meta['thresholds']`` holds the thresholds from held-out and, if known, from training
            stamps.

        Raises
        ------
        `~astro_wgan.exceptions.NotFittedError`
            If the detector has not been calibrated with its present model, search and scoring.
        ValueError
            If the stamps do not fit the model, ``output`` holds results of other work, a table
            belongs to another model, search or smoothing, ``features`` do not fit the stamps or
            the calibration, or ``in_calibration`` is True for a stamp that is not part of the
            calibration.

        Warns
        -----
        `~astro_wgan.exceptions.DriftWarning`
            If pixel scale, filter, noise, brightness, centers or sky differ from those of the
            calibration, or more than half of the scores are above the 75th percentile of the
            normals.
        """
        calibration = self.calibration_
        self._check_measured(stamps, trends=calibration.trends)
        measured = isinstance(stamps, QTable) and positions is None
        stamps = stamps.copy() if measured else self._as_own_stamps(stamps, positions)
        given = self._given_features(features, stamps, trends=calibration.trends)
        options = {'output': output, 'processes': processes, 'client': client}
        table = stamps if measured else self._measure(stamps, given, progress=progress, **options)
        if measured and given is not None:
            table[FEATURES] = given
        add_scores(table, calibration, in_calibration=in_calibration)
        check_drift(calibration.conditions, table, table['p_value'])
        return table

    def predict(
        self,
        stamps,
        *,
        percentile=None,
        reference='held-out',
        false_discovery_rate=None,
        **options,
    ):
        """
        Whether each stamp is anomalous.

        Parameters
        ----------
        stamps : `~astropy.table.QTable`
            From `score`; or anything that `score` takes.
        percentile : float, optional
            Percentile of the normal scores used as threshold, by default 90.
        reference : {'held-out', 'training'}, optional
            Normal scores: those held out, of which at most (100 - ``percentile``) percent exceed
            the threshold; or, as in the paper, those of the training set.
        false_discovery_rate : float, optional
            Select the largest set whose expected fraction of normals is at most this value, instead
            of a ``percentile``.
        **options
            Arguments of `score`, if ``stamps`` is not a table from it.

        Returns
        -------
        `~numpy.ndarray` of bool, shape (n,)
            False where there is no score.

        Raises
        ------
        ValueError
            If ``percentile`` or ``false_discovery_rate`` is out of range, both are given, or the
            latter with a ``reference`` other than the held-out normals, on which p-values are
            based; if the calibration has no scores of the ``reference``; or if there are arguments
            of `score` and ``stamps`` is a table from it.
        """
        calibration = self.calibration_
        rate = false_discovery_rate
        if rate is not None:
            if percentile is not None or reference != 'held-out':
                raise ValueError(
                    'Give either `false_discovery_rate`, or `percentile` and `reference`, not both.'
                )
            if not 0 < rate < 1:
                raise ValueError(f'`false_discovery_rate` must lie between 0 and 1; got {rate}.')
        percentile = 90 if percentile is None else percentile
        if not 0 <= percentile <= 100:
            raise ValueError(f'`percentile` must lie between 0 and 100; got {percentile}.')
        threshold = calibration.thresholds([percentile], reference=reference)[percentile]
        scored = isinstance(stamps, QTable) and 'score' in stamps.colnames
        if scored and options:
            raise ValueError(
                f'`stamps` is a table of scores; got `{next(iter(options))}` for `score`, which is '
                'not called.'
            )
        table = stamps if scored else self.score(stamps, **options)
        if rate is not None:
            return np.asarray(table['q_value']) <= rate
        return np.asarray(table['score']) > threshold

    def _with_features(self, given, features, progress):
        """Measurements of stamps, or the table that was given, with the features that were."""
        if not isinstance(given, QTable):
            return self.measure(given, features=features, progress=progress)
        found = self._given_features(features, given)
        if found is None:
            return given
        table = given.copy()
        table[FEATURES] = found
        return table
