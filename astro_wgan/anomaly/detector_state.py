"""What a detector is made of, and whether its calibration still belongs to it."""

from dataclasses import asdict

from astropy.table import QTable, Table

from astro_wgan.anomaly.calibration import Calibration
from astro_wgan.anomaly.scoring import Scoring
from astro_wgan.anomaly.search.latent_search import FIRST_LOOK, LatentSearch, LatentSearcher
from astro_wgan.exceptions import NotFittedError
from astro_wgan.jobs import describe_model, describe_networks, digest_settings
from astro_wgan.wgan import WGAN

__all__ = ['DetectorState']

#: Columns of measurements that tell how normals are spread, whatever the score.
_ALWAYS = ('closest_flux', 'noise')


class DetectorState:
    """
    Model, search, scoring and encoder of a detector, and the calibration that belongs to them.

    Parameters
    ----------
    wgan, search, scoring, encoder
        As for `~astro_wgan.AnomalyDetector`.

    Notes
    -----
    Scores of one search and thresholds of another say nothing, so that whatever replaces a part
    ends the calibration, and so does a model that is fitted anew.
    """

    def __init__(self, wgan, *, search=None, scoring=None, encoder=None):
        _check_part('wgan', wgan)
        if search is None:
            has_encoder = encoder is not None or wgan.encoder_ is not None
            search = FIRST_LOOK if has_encoder else LatentSearch()
        scoring = Scoring() if scoring is None else scoring
        _check_part('search', search)
        _check_part('scoring', scoring)
        self._wgan, self._search, self._scoring = wgan, search, scoring
        self._calibration = self._last_searcher = None
        self._own_encoder = self._generator_of_encoder = None
        self._take_encoder(encoder)
        self._changed = None

    def __getstate__(self):
        """Without the traced graph of the search, which belongs to this process."""
        return {**vars(self), '_last_searcher': None}

    @property
    def wgan(self):
        """The model."""
        return self._wgan

    @wgan.setter
    def wgan(self, wgan):
        self._replace('wgan', wgan)

    @property
    def search(self):
        """How the closest image is looked for."""
        return self._search

    @search.setter
    def search(self, search):
        self._replace('search', search)

    @property
    def scoring(self):
        """What the score is made of."""
        return self._scoring

    @scoring.setter
    def scoring(self, scoring):
        self._replace('scoring', scoring)

    @property
    def encoder_(self):
        """The encoder of the search; assign None for that of the model."""
        encoder = self._encoder()
        if encoder is None:
            raise NotFittedError('This detector has no encoder: call `train_encoder`.')
        return encoder

    @encoder_.setter
    def encoder_(self, encoder):
        former = self._own_encoder, self.wgan.encoder_
        self._take_encoder(encoder)
        if (self._own_encoder, self.wgan.encoder_) != former:
            self._end_calibration('encoder')

    @property
    def calibration_(self):
        """What is known of normal stamps."""
        if self._calibration is None:
            since = f' since its `{self._changed}` was replaced' if self._changed else ''
            again = 'calibrate` again' if self._changed else 'calibrate` first'
            raise NotFittedError(f'This detector has not been calibrated{since}: call `{again}.')
        # A model can be fitted anew, and networks have other weights.
        if self._calibration.model not in (None, self._describe()):
            raise NotFittedError(
                'This detector has not been calibrated since its model was fitted anew: call '
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
        if calibration.model not in (None, self._describe()):
            raise ValueError('`calibration_` belongs to another `wgan` or `encoder_`.')
        self._calibration, self._changed = calibration, None

    @property
    def trends_(self):
        """What normal stamps have by brightness."""
        return self.calibration_.trends

    @property
    def conditions_(self):
        """What normal stamps were like."""
        return self.calibration_.conditions

    def _replace(self, name, value):
        """Another part than before ends what was known of normal stamps."""
        _check_part(name, value)
        before = getattr(self, f'_{name}')
        if value is before or (name != 'wgan' and value == before):
            return
        setattr(self, f'_{name}', value)
        self._end_calibration(name)

    def _end_calibration(self, name):
        if self._calibration is not None:
            self._calibration, self._changed = None, name

    def _take_encoder(self, encoder):
        own = encoder is not None and encoder is not self.wgan.encoder_
        self._own_encoder = encoder if own else None
        self._generator_of_encoder = describe_networks(g=self.wgan.generator_) if own else None

    def _encoder(self):
        """That of the model, which changes with it, unless the detector has its own."""
        if self._own_encoder is None:
            return self.wgan.encoder_
        if describe_networks(g=self.wgan.generator_) != self._generator_of_encoder:
            raise NotFittedError(
                'The encoder of this detector was given or trained for another `wgan`, or before '
                'this one was fitted anew: call `train_encoder` again, or assign `encoder_`, None '
                'for that of the model.'
            )
        return self._own_encoder

    def _describe(self):
        """What tells its networks from others."""
        return describe_model(self.wgan, encoder=self._encoder())

    def _searcher(self):
        """The same one as long as nothing changed: to trace its graph takes seconds."""
        parts = (self.wgan, self.search, self._encoder())
        if self._last_searcher is None or not self._last_searcher.serves(*parts):
            self._last_searcher = LatentSearcher(*parts[:2], encoder=parts[2])
        return self._last_searcher

    def _check_measured(self, table, *, trends=None):
        """Refuse the measurements of another search, or of other windows than are scored."""
        if not isinstance(table, Table):
            return
        if not isinstance(table, QTable):
            raise TypeError(
                'A table of measurements must be a QTable, as `measure` gives it and `QTable.read` '
                f'reads it; got a {type(table).__name__}.'
            )
        self._check_networks(table)
        columns = [name for name in self.scoring.columns if trends is None or name in trends]
        missing = {*columns, *_ALWAYS} - set(table.colnames)
        if missing:
            raise ValueError(
                f'A table of measurements must have the columns {", ".join(sorted(missing))}, as '
                f'`measure` gives them; it has {", ".join(table.colnames)[:200] or "none"}.'
            )
        needed = {'search': asdict(self.search)}
        if self.scoring.statistic == 'structure' or self.scoring.by_brightness:
            needed['window'] = self.scoring.window
        for name, wanted in needed.items():
            found = table.meta.get(name)
            if isinstance(found, dict) and found != wanted:
                of = {'search': 'another `search`', 'window': 'another `scoring`'}[name]
                changed = [k for k in wanted if found.get(k) != wanted[k]]
                raise ValueError(
                    f'The table was measured with {of} than the detector has (other are '
                    f'{", ".join(changed)}): call `measure` again.'
                )

    def _check_networks(self, table):
        """Refuse measurements, and latent vectors, of another model."""
        # FITS files keep the name in capitals.
        known = table.meta.get('networks', table.meta.get('NETWORKS'))
        if known not in (None, digest_settings(self._describe())):
            raise ValueError(
                'The table was measured with another `wgan` or `encoder_` than the detector has, '
                'or before they were trained anew: call `measure` again.'
            )


def _check_part(name, value):
    kind = {'wgan': WGAN, 'search': LatentSearch, 'scoring': Scoring}[name]
    if not isinstance(value, kind):
        raise TypeError(f'`{name}` must be a {kind.__name__}; got {value!r}.')
    if name == 'wgan' and not value.is_fitted:
        raise NotFittedError('`wgan` must be fitted before it can detect anything.')
