"""`Stretch`: the reversible intensity scaling between stamps and the input of a network."""

from copy import copy
from dataclasses import dataclass

import numpy as np
from astropy import units as u

from astro_wgan.exceptions import NotFittedError
from astro_wgan.files.former_names import current_names
from astro_wgan.stamps.consistency import check_stamps_type
from astro_wgan.stamps.intensity.stretch_levels import (
    BRIGHTEST,
    FAINTEST_PEAK,
    PEAK_PERCENTILE,
    BandCurve,
    band_of,
    given_levels,
    levels_without_unit,
    measure_levels,
    sample_of,
)
from astro_wgan.stamps.intensity.stretched_images import choose_kind
from astro_wgan.validation.parameter_names import NamedParameters, check_parameter_names
from astro_wgan.validation.pixels import converted

__all__ = ['Stretch']

_KINDS = ('asinh', 'linear', 'auto')

#: Attributes that `Stretch.fit` learns.
_LEARNED = ('kind_', 'sky_', 'noise_rms_', 'peak_', 'unit_')


@dataclass(eq=False, repr=False)
class Stretch(NamedParameters):
    """
    A reversible intensity scaling: the sky becomes 0, the peaks of bright sources about 1.

    Values are not clipped: noise is scattered around 0, and pixels brighter than the peaks are
    above 1 (up to 1e9 times the peak).

    Parameters
    ----------
    kind : {'asinh', 'linear', 'auto'}
        ``'asinh'`` is linear for pixels within the noise and logarithmic for bright ones, which
        preserves faint structure around bright cores; ``'linear'`` preserves flux ratios.
        ``'auto'`` is ``'linear'`` for stamps that were stretched before, such as those with 8 bits,
        and ``'asinh'`` for all others.
    scope : {'global', 'stamp'}
        ``'global'`` scales all stamps alike and preserves their brightness; ``'stamp'`` divides
        each stamp by its own peak and preserves only its shape.
    softening : float
        Intensity above the sky, in units of the sky noise, at which asinh turns from linear to
        logarithmic.
    percentile : float
        Percentage of the stamps with peaks below 1, for the scope ``'global'``. Like ``per_band``,
        it is for `fit`: levels that are given are used as they are.
    per_band : bool
        Scale each band by its own noise and peak. By default all bands have the same scale, which
        preserves colors: equal fluxes in two bands stay equal. The sky is always measured in each
        band.
    sky, noise_rms, peak : float, tuple of float or `~astropy.units.Quantity`, optional
        Known sky level, standard deviation of the sky noise, and intensity that becomes 1: numbers
        for any number of bands, or one for each band. A stretch with these need not be fitted.
    unit : unit-like, optional
        Unit of these three, by default that of quantities; `fit` takes that of the stamps.

    Attributes
    ----------
    kind_ : {'asinh', 'linear'}
        The kind in use.
    sky_, noise_rms_, peak_ : tuple of float
        Levels in use, one for each band: those measured by `fit`, or those given, of which a single
        one is that of all bands.
    unit_ : `~astropy.units.Unit` or None
        Their unit.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    With the softening b and T(v) = asinh((v - sky) / (b noise_rms)), a pixel v becomes
    T(v) / T(peak), as in `~astropy.visualization.AsinhStretch`, after Lupton et al. 1999
    (AJ 118, 1406). With the scope ``'stamp'`` the result is divided by that of the peak of the
    stamp. The peak of a stamp is the 99.9th percentile of its pixels, and at least 5 sigma.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.stamps import Stretch
    >>> rng = np.random.default_rng(1)
    >>> pixels = rng.normal(100, 5, size=(200, 32, 32))
    >>> pixels[:, 12:20, 12:20] += 1000
    >>> stamps = StampSet(pixels, unit='nJy')
    >>> stretch = Stretch().fit(stamps)
    >>> images = stretch.transform(stamps)
    >>> images.dtype, round(float(images.max()), 1)
    (dtype('float32'), 1.0)
    >>> np.allclose(stretch.inverse(images), pixels, rtol=1e-5)
    True
    """

    kind: str = 'asinh'
    scope: str = 'global'
    softening: float = 3.0
    percentile: float = 99.0
    per_band: bool = False
    sky: float | tuple | None = None
    noise_rms: float | tuple | None = None
    peak: float | tuple | None = None
    unit: u.UnitBase | None = None

    def __post_init__(self):
        self._check_parameters()
        levels = [self.sky, self.noise_rms, self.peak]
        (self.sky, self.noise_rms, self.peak), self.unit = levels_without_unit(levels, self.unit)
        levels = given_levels(self.sky, self.noise_rms, self.peak)
        if levels is not None:
            if self.kind == 'auto':
                raise ValueError("`kind` must be 'asinh' or 'linear' with levels; got 'auto'.")
            is_common = all(np.ndim(level) == 0 for level in (self.sky, self.noise_rms, self.peak))
            self._set_levels(self.kind, *levels, self.unit, is_common=is_common)
        elif self.unit is not None:
            raise ValueError(
                '`unit` is that of `sky`, `noise_rms` and `peak`: give these, too, or leave it out.'
            )

    @property
    def is_fitted(self):
        """Whether ``sky_``, ``noise_rms_`` and ``peak_`` are known."""
        return 'peak_' in vars(self)

    @property
    def softening_levels(self):
        """Softening as a fraction of the peak above the sky, for each band."""
        levels = zip(self.sky_, self.noise_rms_, self.peak_, strict=True)
        return tuple(self.softening * rms / (peak - sky) for sky, rms, peak in levels)

    def __getattr__(self, name):
        if name in (*_LEARNED, 'softening_levels'):
            raise NotFittedError(
                f'This stretch has no `{name}` since it has not been fitted: call `fit`, or give '
                '`sky`, `noise_rms` and `peak`.'
            )
        raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')

    def __repr__(self):
        shown = ', '.join(f'{name}={value!r}' for name, value in self._values().items())
        return f'{type(self).__name__}({shown})'

    def __eq__(self, other):
        return self.to_dict() == other.to_dict() if isinstance(other, Stretch) else NotImplemented

    __hash__ = None  # since stretches are mutable

    def set_params(self, **params):
        """
        Change parameters; the stretch then has to be fitted again.

        Parameters
        ----------
        **params
            New values by name.

        Returns
        -------
        Stretch
            This object.

        Raises
        ------
        ValueError
            If there is no such parameter, or a value is out of range.
        """
        current = self.get_params()
        check_parameter_names(params, self, current)
        changed = type(self)(**(current | params))
        vars(self).clear()
        vars(self).update(vars(changed))
        return self

    def clone(self):
        """A stretch with the same parameters that has not been fitted."""
        return type(self)(**self.get_params())

    def copy(self):
        """A stretch with the same parameters, and fitted to the same stamps."""
        return copy(self)

    def fit(self, stamps, *, seed=0):
        """
        Measure sky, noise and peak.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            At least one. A random sample of at most 2048 stamps is used, fewer if they are larger
            than 64 x 64 pixels.
        seed : int, optional
            Seed of the sample.

        Returns
        -------
        Stretch
            This object, with ``sky_``, ``noise_rms_``, ``peak_`` and ``unit_`` of these stamps.

        Raises
        ------
        TypeError
            If ``stamps`` is neither a set nor a store; `~astro_wgan.store.as_stamps` makes one.
        ValueError
            If there is no stamp, or no unmasked pixel in the sample, or the height of the peaks
            above the sky is out of the range of float32.

        Warns
        -----
        AstropyUserWarning
            If ``kind`` is ``'auto'`` and the stamps were stretched before, or if bands whose noise
            differs by more than a factor of 100 share a scale.

        Notes
        -----
        The sky is the mode as estimated by SExtractor, 2.5 median - 1.5 mean, after clipping at 3
        sigma (Bertin & Arnouts 1996, A&AS 117, 393). Its noise is measured from the pixels below
        the sky, to which sources do not contribute. If sources fill the stamps, both are slightly
        overestimated.
        """
        percentile = self.percentile if self.scope == 'global' else 50.0
        check_stamps_type(stamps, 'stamps')
        levels = measure_levels(stamps, percentile=percentile, per_band=self.per_band, seed=seed)
        kind = choose_kind(sample_of(stamps, seed)) if self.kind == 'auto' else self.kind
        self._set_levels(kind, *levels, stamps.unit)
        return self

    def transform(self, stamps):
        """
        Scale stamps.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            In a unit that converts to that of the fit. Masked pixels are filled with the median of
            their stamp; a stamp (or band) without valid pixels becomes 0, the sky.

        Returns
        -------
        `~numpy.ndarray` of float32, shape of the pixels

        Raises
        ------
        NotFittedError
            If the stretch has not been fitted.
        astropy.units.UnitConversionError
            If the units do not convert.
        ValueError
            If the number of bands is not that of the fit.
        """
        images = self._scaled(stamps, 'stamps')
        if self.scope == 'stamp':
            images /= self._heights(images)
        return images

    def inverse(self, images, *, like=None):
        """
        Pixels, in the unit of the fit, from scaled images such as a generator makes.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
            Scaled intensity.
        like : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`, optional
            For the scope ``'stamp'``: the n stamps from which the peaks are taken. By default all
            images get the peak of the median stamp of the fit. Ignored for the scope ``'global'``.

        Returns
        -------
        `~numpy.ndarray` of float32, shape of the images
            Limited to the range of float32.

        Raises
        ------
        NotFittedError
            If the stretch has not been fitted.
        ValueError
            If ``like`` does not have n stamps, or the number of bands is not that of the fit.
        """
        images = np.asarray(images, dtype=np.float32)
        self._check_bands(images.shape)
        if self.scope == 'stamp' and like is not None:
            if len(like) != len(images):
                raise ValueError(
                    f'`like` must have one stamp per image, {len(images)}; got {len(like)}.'
                )
            images = images * self._heights(self._scaled(like, 'like'))
        pixels = np.empty_like(images)
        for band, curve in enumerate(self._curves(images.shape)):
            band_of(pixels, band)[...] = curve.invert(band_of(images, band))
        return pixels

    def to_dict(self):
        """Parameters and learned levels as plain values, such as JSON holds."""
        values = self._values()
        values |= {k: list(value) for k, value in values.items() if isinstance(value, tuple)}
        unit = values['unit']
        return {**values, 'unit': None if unit is None else u.Unit(unit).to_string()}

    @classmethod
    def from_dict(cls, values):
        """
        The stretch from which `to_dict` made a dictionary.

        Examples
        --------
        >>> from astro_wgan.stamps import Stretch
        >>> stretch = Stretch(sky=0.1, noise_rms=1.5, peak=200.0, unit='nJy')
        >>> Stretch.from_dict(stretch.to_dict()) == stretch
        True
        """
        return cls(**current_names(values, 'stretch'))

    def _values(self):
        """Parameters by name, with the learned levels instead of those that were given."""
        learned = {name: getattr(self, name) for name in _LEARNED if self.is_fitted}
        if self.is_fitted and self._is_common:
            learned |= {name: learned[name][0] for name in ('sky_', 'noise_rms_', 'peak_')}
        return self.get_params() | {name.rstrip('_'): value for name, value in learned.items()}

    def _check_parameters(self):
        for name, allowed in (('kind', _KINDS), ('scope', ('global', 'stamp'))):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f'`{name}` must be {", ".join(map(repr, allowed[:-1]))} or {allowed[-1]!r}; '
                    f'got {getattr(self, name)!r}.'
                )
        if not 0 < self.softening < np.inf:
            raise ValueError(f'`softening` must be above 0; got {self.softening}.')
        if not 0 < self.percentile <= 100:
            raise ValueError(f'`percentile` must be between 0 and 100; got {self.percentile}.')

    def _set_levels(self, kind, sky, noise_rms, peak, unit, *, is_common=False):
        unit = None if unit is None else u.Unit(unit)
        self.kind_, self._is_common = kind, is_common
        self.sky_, self.noise_rms_, self.peak_ = sky, noise_rms, peak
        self.unit_ = None if unit == u.dimensionless_unscaled else unit

    def _check_bands(self, shape):
        bands = shape[3] if len(shape) == 4 else 1
        fits = bands == len(self.sky_) or self._is_common
        if len(shape) not in (3, 4) or not fits:
            raise ValueError(
                f'The stretch was fitted on {len(self.sky_)} band(s); got an array of shape '
                f'{tuple(shape)}.'
            )

    def _curves(self, shape):
        levels = zip(self.sky_, self.peak_, self.softening_levels, strict=True)
        curves = [BandCurve(self.kind_, *level) for level in levels]
        return curves * shape[3] if self._is_common and len(shape) == 4 else curves

    def _scaled(self, stamps, name):
        """Intensity on the scale of the whole set, as float32."""
        check_stamps_type(stamps, name)
        stamps = stamps[:]
        self._check_bands(stamps.pixels.shape)
        pixels = self._in_own_unit(stamps)
        images = np.empty(pixels.shape, dtype=np.float32)
        for band, curve in enumerate(self._curves(pixels.shape)):
            curve.scale(band_of(pixels, band), out=band_of(images, band))
        np.clip(images, -BRIGHTEST, BRIGHTEST, out=images)
        if stamps.mask is not None:
            np.copyto(images, 0, where=~stamps.valid.any(axis=(1, 2), keepdims=True))
        return images

    def _in_own_unit(self, stamps):
        pixels = stamps.filled()
        if stamps.unit == self.unit_:
            return pixels
        own, other = (unit or u.dimensionless_unscaled for unit in (self.unit_, stamps.unit))
        try:
            return converted(pixels, other, own)
        except u.UnitConversionError as error:
            raise u.UnitConversionError(
                f'The stretch was fitted on stamps in {self.unit_ or "no unit"}; stamps in '
                f'{stamps.unit or "no unit"} do not convert.'
            ) from error

    def _heights(self, images):
        """Peak of each stamp on the scale of the whole set; shape broadcasts to the images."""
        if len(images) == 0:
            return np.float32(1)
        axes = (1, 2) if self.per_band else tuple(range(1, images.ndim))
        heights = np.percentile(images, PEAK_PERCENTILE, axis=axes, keepdims=True)
        # A noise that is common to all bands is that of the first curve.
        curves = zip(self._curves(images.shape), self.noise_rms_, strict=not self._is_common)
        faintest = np.float32([curve.scale_height(FAINTEST_PEAK * rms) for curve, rms in curves])
        return np.maximum(heights, faintest if images.ndim == 4 else faintest[0])
