"""Parts of a detector: model, search, scoring, encoder and the calibration that fits them."""

from dataclasses import asdict, replace

from astropy.table import QTable, Table

from astro_wgan.anomaly.calibration.calibration import Calibration
from astro_wgan.anomaly.calibration.drift import check_pixel_scale, check_single_band
from astro_wgan.anomaly.combined_score import (
    FEATURES,
    INJECTION_LOG_ODDS,
    NORMAL_FEATURES,
    check_tails,
)
from astro_wgan.anomaly.detector_folder import DetectorParts, load_parts, save_parts
from astro_wgan.anomaly.scoring import ScoringConfig
from astro_wgan.anomaly.search.latent_search import LatentSearcher
from astro_wgan.anomaly.search.search_config import ENCODER_ONLY, LatentSearchConfig
from astro_wgan.exceptions import NotFittedError
from astro_wgan.features.given_features import features_of
from astro_wgan.jobs import describe_model, describe_networks, digest_settings
from astro_wgan.store import as_stamps
from astro_wgan.wgan import WGAN

__all__ = ['DetectorState']

#: Columns of measurements that every calibration needs.
_ALWAYS = ('closest_flux', 'noise_rms')


class DetectorState:
    """
    State of a detector.

    Parameters
    ----------
    wgan, search, scoring, encoder, classifier
        As for `~astro_wgan.AnomalyDetector`.

    Notes
    -----
    Scores from one search cannot be compared with thresholds from another. Therefore, assigning
    another model, search, scoring, encoder or classifier, or fitting the model again, invalidates
    the calibration.
    """

    def __init__(self, wgan, *, search=None, scoring=None, encoder=None, classifier=None):
        _check_part('wgan', wgan)
        if search is None:
            has_encoder = encoder is not None or wgan.encoder_ is not None
            search = ENCODER_ONLY if has_encoder else LatentSearchConfig()
        if scoring is None:
            # Sources off by max_shift are off by twice as much from their rotated image. A third of
            # the pixels along each axis are always compared.
            shift = min(1 + 2 * wgan.training.max_shift, wgan.network.size // 3)
            scoring = ScoringConfig(rotation_shift=shift)
        _check_part('search', search)
        _check_part('scoring', scoring)
        self._wgan, self._search, self._scoring = wgan, search, scoring
        self._calibration = self._replaced = None
        self._searcher_cache = self._features_cache = None
        self._own_encoder = self._generator_of_encoder = None
        self._set_encoder(encoder)
        self._own_classifier = self._generator_of_classifier = None
        self._set_classifier(classifier)

    def __repr__(self):
        state = 'calibrated' if hasattr(self, 'calibration_') else 'not calibrated'
        return f'<{type(self).__name__}: {self.wgan!r}, search {self.search.init!r}, {state}>'

    def __getstate__(self):
        """Without the searcher, whose traced graphs belong to this process."""
        return {**vars(self), '_searcher_cache': None, '_features_cache': None}

    @property
    def wgan(self):
        """The model."""
        return self._wgan

    @wgan.setter
    def wgan(self, wgan):
        self._replace('wgan', wgan)

    @property
    def search(self):
        """Configuration of the search for the closest image."""
        return self._search

    @search.setter
    def search(self, search):
        self._replace('search', search)

    @property
    def scoring(self):
        """Configuration of the score."""
        return self._scoring

    @scoring.setter
    def scoring(self, scoring):
        self._replace('scoring', scoring)

    @property
    def encoder_(self):
        """Encoder of the search; assign None for that of the model."""
        encoder = self._encoder()
        if encoder is None:
            raise NotFittedError('This detector has no encoder: call `train_encoder`.')
        return encoder

    @encoder_.setter
    def encoder_(self, encoder):
        former = self._own_encoder, self.wgan.encoder_
        self._set_encoder(encoder)
        if (self._own_encoder, self.wgan.encoder_) != former:
            self._invalidate_calibration('encoder')

    @property
    def classifier_(self):
        """Classifier of injected anomalies; assign None for a score without it."""
        classifier = self._classifier()
        if classifier is None:
            raise NotFittedError('This detector has no classifier: call `train_classifier`.')
        return classifier

    @classifier_.setter
    def classifier_(self, classifier):
        if classifier is self._own_classifier:
            return
        self._set_classifier(classifier)
        self._invalidate_calibration('classifier')

    @property
    def calibration_(self):
        """Scores of normal stamps, and what follows from them."""
        if self._calibration is None:
            since = f' since its `{self._replaced}` was replaced' if self._replaced else ''
            again = 'calibrate` again' if self._replaced else 'calibrate` first'
            raise NotFittedError(f'This detector has not been calibrated{since}: call `{again}.')
        # Fitting the model again changes its weights.
        if self._calibration.model not in (None, self._describe_networks()):
            raise NotFittedError(
                'This detector has not been calibrated since its model was fitted again: call '
                '`calibrate` again.'
            )
        return self._calibration

    @calibration_.setter
    def calibration_(self, calibration):
        if not isinstance(calibration, Calibration):
            raise TypeError(f'`calibration_` must be a Calibration; got {calibration!r}.')
        for name in ('search', 'scoring'):
            if getattr(calibration, name) != getattr(self, name):
                raise ValueError(f'`calibration_` belongs to another `{name}`.')
        if calibration.model not in (None, self._describe_networks()):
            raise ValueError(
                '`calibration_` belongs to another `wgan`, `encoder_` or `classifier_`.'
            )
        has_classifier = self._classifier() is not None
        check_tails(self.scoring, calibration.trends, has_classifier=has_classifier)
        self._calibration, self._replaced = calibration, None

    @property
    def trends_(self):
        """Distributions of the terms of the score for normal stamps."""
        return self.calibration_.trends

    @property
    def conditions_(self):
        """Noise, brightness, positions and sky of the normal stamps."""
        return self.calibration_.conditions

    def save(self, folder):
        """
        Write model, search, scoring, encoder, classifier and calibration into a folder.

        Parameters
        ----------
        folder : path-like
            Made if needed. An earlier model or detector in it is replaced in one step: an
            interruption leaves the former or the new one. Other files in it are kept.

        Raises
        ------
        ValueError
            If a network has weights that are not finite, or an encoder of your own has other than
            plain layers of Keras.
        FileExistsError
            If a file that no earlier save wrote has one of the names.
        OSError
            If it cannot be written; an earlier detector is kept.
        """
        self._encoder()  # raises if it belongs to another model
        calibration = self.calibration_ if hasattr(self, 'calibration_') else None
        own = self._own_encoder, self._classifier()
        parts = DetectorParts(self.wgan, self.search, self.scoring, *own, calibration)
        save_parts(folder, parts)

    @classmethod
    def load(cls, folder, *, max_size=None):
        """
        Read a detector that `save` wrote. No code in the files is executed.

        Parameters
        ----------
        folder : path-like
            The folder.
        max_size : number, optional
            Maximum size of each of its files in memory, in bytes; by default a quarter of the
            memory of the machine.

        Returns
        -------
        AnomalyDetector

        Raises
        ------
        FileNotFoundError
            If the folder contains no detector.
        ValueError
            If the files are damaged, have an unknown format, or need more memory.
        """
        parts = load_parts(folder, max_size=max_size)
        names = ('search', 'scoring', 'encoder', 'classifier')
        detector = cls(parts.wgan, **{name: getattr(parts, name) for name in names})
        if parts.calibration is not None:
            model = detector._describe_networks()
            detector._calibration = replace(parts.calibration, model=model)
        return detector

    def _replace(self, name, value):
        _check_part(name, value)
        before = getattr(self, f'_{name}')
        if value is before or (name != 'wgan' and value == before):
            return
        setattr(self, f'_{name}', value)
        self._invalidate_calibration(name)

    def _invalidate_calibration(self, name):
        if self._calibration is not None:
            self._calibration, self._replaced = None, name

    def _set_encoder(self, encoder):
        own = encoder is not None and encoder is not self.wgan.encoder_
        self._own_encoder = encoder if own else None
        self._generator_of_encoder = describe_networks(g=self.wgan.generator_) if own else None

    def _encoder(self):
        """The detector's own encoder, or that of the model, which may be fitted again."""
        if self._own_encoder is None:
            return self.wgan.encoder_
        if describe_networks(g=self.wgan.generator_) != self._generator_of_encoder:
            raise NotFittedError(
                'The encoder of this detector was given or trained for another `wgan`, or before '
                'this one was fitted again: call `train_encoder` again, or assign `encoder_`, None '
                'for that of the model.'
            )
        return self._own_encoder

    def _set_classifier(self, classifier):
        self._own_classifier = classifier
        generator = None if classifier is None else describe_networks(g=self.wgan.generator_)
        self._generator_of_classifier = generator

    def _classifier(self):
        """The classifier of the residuals of this model, or None."""
        if self._own_classifier is None:
            return None
        if describe_networks(g=self.wgan.generator_) != self._generator_of_classifier:
            raise NotFittedError(
                'The classifier of this detector was trained for another `wgan`, or before this '
                'one was fitted again: call `train_classifier` again, or assign None to '
                '`classifier_`.'
            )
        return self._own_classifier

    def _describe_networks(self):
        """Description of the networks, for comparison with others."""
        return describe_model(self.wgan, encoder=self._encoder(), classifier=self._classifier())

    def _searcher(self):
        """The same searcher until a part changes, since tracing its graphs takes seconds."""
        options = {'encoder': self._encoder(), 'classifier': self._classifier()}
        # Fitting a model replaces its networks.
        parts = (self.wgan.generator_, self.wgan.critic_, *options.values(), self.search)
        if self._searcher_cache is None or not _same(parts, self._searcher_cache[0]):
            searcher = LatentSearcher(self.wgan, self.search, **options)
            self._searcher_cache = parts, searcher
        return self._searcher_cache[1]

    def _as_own_stamps(self, stamps, positions):
        """Stamps with a warning where they are not like those of the model."""
        size = None if positions is None else self.wgan.network.size
        stamps = as_stamps(stamps, positions=positions, size=size)
        check_pixel_scale(stamps, self.wgan.pixel_scale_)
        check_single_band(stamps, self.wgan.bands_)
        return stamps

    def _given_features(self, features, stamps, *, trends=None):
        """
        Features of stamps, or of those of a table of measurements; None without any.

        They are computed, and compared with those of the calibration, before other work starts.
        """
        if features is not None:
            if not any(term.column == FEATURES for term in self.scoring.further_terms):
                raise ValueError(
                    '`features` have no part in the score of this detector: its `scoring` has '
                    '`by_brightness=False` or `features_weight=0`.'
                )
            if trends is not None and NORMAL_FEATURES not in trends:
                raise ValueError(
                    '`features` must be given to `calibrate`, too; this detector was calibrated '
                    'without.'
                )
            features = features_of(features, stamps)
        elif isinstance(stamps, Table) and FEATURES in stamps.colnames:
            features = features_of(stamps[FEATURES], stamps)
        normal = None if trends is None else trends.get(NORMAL_FEATURES)
        if normal is not None:
            if features is None:
                raise ValueError(
                    '`features` must be given, as this detector was calibrated with them.'
                )
            normal.check(features)
        return features

    def _check_measured(self, table, *, trends=None):
        """Refuse measurements with another search, or of other windows than are scored."""
        if not isinstance(table, Table):
            return
        if not isinstance(table, QTable):
            raise TypeError(
                'A table of measurements must be a QTable, as `measure` gives it and `QTable.read` '
                f'reads it; got a {type(table).__name__}.'
            )
        self._check_networks(table)
        bands = self.wgan.network.bands
        columns = [
            name
            for name in self.scoring.columns
            if (name in trends if trends is not None else bands > 1 or name != 'color_residual')
        ]
        classified = self._classifier() is not None
        has_features = FEATURES in (table.colnames if trends is None else trends)
        if classified or has_features:
            absent = {INJECTION_LOG_ODDS: not classified, FEATURES: True}
            columns += [t.column for t in self.scoring.further_terms if not absent.get(t.column)]
        missing = {*columns, *_ALWAYS} - set(table.colnames)
        if missing:
            raise ValueError(
                f'A table of measurements must have the columns {", ".join(sorted(missing))}, as '
                f'`measure` of this version gives them; it has '
                f'{", ".join(table.colnames)[:200] or "none"}.'
            )
        if INJECTION_LOG_ODDS in table.colnames and not classified:
            raise ValueError(
                f'The table has the column {INJECTION_LOG_ODDS}, but this detector has no '
                'classifier: call `measure` again, or remove the column.'
            )
        needed = {'search': asdict(self.search)}
        if self.scoring.statistic == 'smoothed_residual' or self.scoring.by_brightness:
            has_color = 'color_residual' in columns
            needed['window'] = self.scoring.window_of(bands if has_color else 1)
            # A table that knows no shifts was measured with the smallest.
            needed['window'].setdefault('rotation_shift', 1)
        for name, wanted in needed.items():
            found = table.meta.get(name)
            if name == 'window' and isinstance(found, dict):
                found = {'rotation_shift': 1, **found}
            if isinstance(found, dict) and any(found.get(k) != wanted[k] for k in wanted):
                other = {'search': 'another `search`', 'window': 'another `scoring`'}[name]
                changed = [k for k in wanted if found.get(k) != wanted[k]]
                raise ValueError(
                    f'The table was measured with {other} than the detector has (different: '
                    f'{", ".join(changed)}): call `measure` again.'
                )

    def _check_networks(self, table):
        """Refuse measurements, and latent vectors, of another model."""
        # FITS files keep the name in capitals.
        known = table.meta.get('networks', table.meta.get('NETWORKS'))
        if known not in (None, digest_settings(self._describe_networks())):
            raise ValueError(
                'The table was measured with another `wgan`, `encoder_` or `classifier_` than the '
                'detector has, or before they were trained again: call `measure` again.'
            )


def _same(parts, others):
    *networks, search = parts
    *other_networks, other_search = others
    same = all(a is b for a, b in zip(networks, other_networks, strict=True))
    return same and search == other_search


def _check_part(name, value):
    kind = {'wgan': WGAN, 'search': LatentSearchConfig, 'scoring': ScoringConfig}[name]
    if not isinstance(value, kind):
        raise TypeError(f'`{name}` must be a {kind.__name__}; got {value!r}.')
    if name == 'wgan' and not value.is_fitted:
        raise NotFittedError('`wgan` must be fitted before it is used in a detector.')
