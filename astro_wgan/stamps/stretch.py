"""`Stretch`: the reversible intensity scaling between stamps and what a network sees."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from astropy import units as u
from astropy.visualization import AsinhStretch, LinearStretch, ManualInterval

from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps.stretch_levels import (
    BRIGHTEST,
    FAINTEST_PEAK,
    LEAST_NOISE,
    PEAK_PERCENTILE,
    check_range,
    sky_of,
    typical_height,
)

__all__ = ['Stretch']

#: Pixels of the sample that a stretch is fitted on, and stamps in it at most and at least.
_SAMPLE_PIXELS = 2**23
_SAMPLE_STAMPS = (64, 2048)

#: In units of the peak: of larger numbers, which are no brightness, only the sign is kept. asinh
#: divides once more.
_LARGEST_SHARE = 1e290


@dataclass(frozen=True)
class Stretch:
    """
    A reversible intensity scaling: sky becomes 0, the peaks of bright sources about 1.

    Nothing is clipped that can be a source: the noise stays around 0 on both sides, and what is
    brighter than the peaks comes out above 1; only from a billion peaks on it is all one.

    Parameters
    ----------
    kind : {'asinh', 'linear'}
        ``'asinh'`` is linear for pixels within the noise and logarithmic for bright ones, so that
        cores do not drown the faint structure around them; ``'linear'`` keeps ratios of fluxes.
    scope : {'global', 'stamp'}
        ``'global'`` treats all stamps alike, so that a network sees how bright a source is;
        ``'stamp'`` divides each stamp by its own peak, so that it sees the shape alone.
    softening : float
        Where asinh turns from linear to logarithmic, in units of the sky noise.
    percentile : float
        Per cent of the stamps whose peak shall be below 1, for the scope ``'global'``.
    per_band : bool
        Scale each band by its own noise and peak. By default one scale holds for all bands, which
        keeps colours: fluxes that are equal in two bands stay equal. The sky is measured in each
        band in any case.
    sky, noise, peak : float or tuple of float, optional
        Level and standard deviation of the sky, and brightness that becomes 1; a value for each
        band, or for all. `fit` measures them; where they are known they can be given.
    unit : unit-like, optional
        Unit of these three.

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    With the softening b in units of the noise and T(v) = asinh((v - sky) / (b noise)), a pixel v
    becomes T(v) / T(peak), as `~astropy.visualization.AsinhStretch` has it, after Lupton et al.
    1999 (AJ 118, 1406). With the scope ``'stamp'`` it is divided by the same of the stamp's own
    peak. The peak of a stamp is the 99.9th percentile of its pixels, and at least 5 sigma.

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
    sky: tuple | None = None
    noise: tuple | None = None
    peak: tuple | None = None
    unit: u.UnitBase | None = None

    def __post_init__(self):
        for name, allowed in (('kind', ('asinh', 'linear')), ('scope', ('global', 'stamp'))):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f'`{name}` must be {allowed[0]!r} or {allowed[1]!r}; '
                    f'got {getattr(self, name)!r}.'
                )
        if not 0 < self.softening < np.inf:
            raise ValueError(f'`softening` must be above 0; got {self.softening}.')
        if not 0 < self.percentile <= 100:
            raise ValueError(f'`percentile` must lie between 0 and 100; got {self.percentile}.')
        unit = None if self.unit is None else u.Unit(self.unit)
        object.__setattr__(self, 'unit', None if unit == u.dimensionless_unscaled else unit)
        self._check_levels()

    @property
    def is_fitted(self):
        """Whether sky, noise and peak are known."""
        return self.peak is not None

    @property
    def knees(self):
        """Where asinh turns from linear to logarithmic, as a share of the peak, for each band."""
        levels = zip(self.sky, self.noise, self.peak, strict=True)
        return tuple(self.softening * noise / (peak - sky) for sky, noise, peak in levels)

    def fit(self, stamps, *, seed=0):
        """
        Measure sky, noise and peak.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
            Of any number: a sample of at most 2048 of them is read, fewer if they are larger
            than 64 x 64 pixels.
        seed : int, optional
            Seed of the sample.

        Returns
        -------
        Stretch
            A new one, with ``sky``, ``noise``, ``peak`` and ``unit`` of these stamps.

        Raises
        ------
        ValueError
            If there is no stamp, or no pixel without a mask in the sample, or float32 does not hold
            how far the peaks lie above the sky.

        Notes
        -----
        The sky is SExtractor's estimate of the mode, 2.5 median - 1.5 mean, after clipping at 3
        sigma (Bertin & Arnouts 1996, A&AS 117, 393); its noise comes from the pixels below, which
        sources do not reach. Stamps that are full of a source still bias both a little upwards.
        """
        if len(stamps) == 0:
            raise ValueError('`stamps` must hold at least one stamp to fit the stretch; got none.')
        sample = next(stamps.batches(_sample_size(stamps), shuffle=True, seed=seed))
        sky, noise, signals = [], [], []
        for pixels, valid in _bands_of(sample):
            level, scatter = sky_of(pixels[valid])
            sky.append(level)
            noise.append(scatter)
            signals.append(np.where(valid, pixels - level, np.nan))
        if not self.per_band:
            noise = [float(np.mean(noise))] * len(noise)
            signals = [np.concatenate(signals, axis=2)] * len(signals)
        share = self.percentile if self.scope == 'global' else 50.0
        heights = [typical_height(s, n, share) for s, n in zip(signals, noise, strict=True)]
        # A set of constant stamps has neither noise nor peak: any scale will do.
        heights = [h or abs(s) or 1.0 for h, s in zip(heights, sky, strict=True)]
        check_range(sky, heights)
        return replace(
            self,
            sky=tuple(sky),
            noise=tuple(max(n, LEAST_NOISE * h) for n, h in zip(noise, heights, strict=True)),
            peak=tuple(s + h for s, h in zip(sky, heights, strict=True)),
            unit=stamps.unit,
        )

    def transform(self, stamps):
        """
        What a network sees of stamps.

        Parameters
        ----------
        stamps : `~astro_wgan.StampSet`
            In a unit that converts to that of the fit. Masked pixels are filled with the median of
            their stamp; a stamp (or band) without any valid pixel comes out as sky, 0.

        Returns
        -------
        `~numpy.ndarray` of float32, shape of the pixels

        Raises
        ------
        NotFittedError
            If sky, noise and peak are not known.
        astropy.units.UnitConversionError
            If the units do not convert.
        ValueError
            If the number of bands is not that of the fit.
        """
        images = self._scaled(stamps)
        if self.scope == 'stamp':
            images /= self._heights(images)
        return images

    def inverse(self, images, *, like=None):
        """
        Pixels in the unit of the fit from what a network sees, or draws.

        Parameters
        ----------
        images : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
            Scaled intensity.
        like : `~astro_wgan.StampSet`, optional
            The n stamps whose brightness the images shall have, for the scope ``'stamp'``: their
            peaks are measured again. Without them each image gets the peak of a typical (median)
            stamp of the fit. It makes no difference for the scope ``'global'``.

        Returns
        -------
        `~numpy.ndarray` of float32, shape of the images
            Values beyond what float32 holds become its largest.

        Raises
        ------
        NotFittedError
            If sky, noise and peak are not known.
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
            images = images * self._heights(self._scaled(like))
        pixels = np.empty_like(images)
        largest = np.finfo(np.float32).max
        for band, (interval, stretch) in enumerate(self._curves()):
            part = _band(images, band).astype(float)
            with np.errstate(over='ignore'):
                stretch.inverse(part, clip=False, out=part)
                part *= interval.vmax - interval.vmin
                part += interval.vmin
            _band(pixels, band)[...] = np.clip(part, -largest, largest, out=part)
        return pixels

    def to_dict(self):
        """Configuration and fitted values as plain values, such as JSON holds."""
        values = asdict(self)
        for name in ('sky', 'noise', 'peak'):
            values[name] = None if values[name] is None else list(values[name])
        return {**values, 'unit': None if self.unit is None else self.unit.to_string()}

    @classmethod
    def from_dict(cls, values):
        """
        The stretch that `to_dict` described.

        Examples
        --------
        >>> from astro_wgan.stamps import Stretch
        >>> stretch = Stretch(sky=0.1, noise=1.5, peak=200.0, unit='nJy')
        >>> Stretch.from_dict(stretch.to_dict()) == stretch
        True
        """
        return cls(**values)

    def _check_levels(self):
        levels = {name: getattr(self, name) for name in ('sky', 'noise', 'peak')}
        if all(level is None for level in levels.values()):
            return
        if any(level is None for level in levels.values()):
            raise ValueError('Give all of `sky`, `noise` and `peak`, or none of them.')
        try:
            arrays = np.broadcast_arrays(*(np.atleast_1d(level) for level in levels.values()))
        except ValueError as error:
            raise ValueError('`sky`, `noise` and `peak` must be of one length.') from error
        sky, noise, peak = (np.asarray(array, dtype=float) for array in arrays)
        if not (np.isfinite([sky, noise, peak]).all() and (noise > 0).all() and (peak > sky).all()):
            raise ValueError(
                'The levels must be finite, with `noise` above 0 and `peak` above `sky`; '
                f'got sky {self.sky}, noise {self.noise} and peak {self.peak}.'
            )
        for name, array in zip(levels, (sky, noise, peak), strict=True):
            object.__setattr__(self, name, tuple(array.tolist()))

    def _check_bands(self, shape):
        if not self.is_fitted:
            raise NotFittedError(
                'This stretch has not been fitted: call `fit`, or give it sky, noise and peak.'
            )
        bands = shape[3] if len(shape) == 4 else 1
        if len(shape) not in (3, 4) or bands != len(self.sky):
            raise ValueError(
                f'The stretch was fitted on {len(self.sky)} band(s); got an array of shape '
                f'{tuple(shape)}.'
            )

    def _curves(self):
        """Interval and stretch of each band; together they make the peak 1."""
        for sky, peak, knee in zip(self.sky, self.peak, self.knees, strict=True):
            stretch = AsinhStretch(knee) if self.kind == 'asinh' else LinearStretch()
            yield ManualInterval(sky, peak), stretch

    def _scaled(self, stamps):
        """Intensity on the scale of the whole set, as float32."""
        self._check_bands(stamps.pixels.shape)
        pixels = self._in_own_unit(stamps)
        images = np.empty(pixels.shape, dtype=np.float32)
        for band, curve in enumerate(self._curves()):
            part, own = _band(images, band), _band(pixels, band)
            with np.errstate(over='ignore', invalid='ignore'):
                _apply(curve, own, out=part)
            for k in np.flatnonzero(~np.isfinite(part).all(axis=(1, 2))):
                part[k] = _of_extremes(curve, own[k])
        np.clip(images, -BRIGHTEST, BRIGHTEST, out=images)
        if stamps.mask is not None:
            np.copyto(images, 0, where=~stamps.valid.any(axis=(1, 2), keepdims=True))
        return images

    def _in_own_unit(self, stamps):
        pixels = stamps.filled()
        if stamps.unit == self.unit:
            return pixels
        own, other = (unit or u.dimensionless_unscaled for unit in (self.unit, stamps.unit))
        try:
            return other.to(own, pixels)
        except u.UnitConversionError as error:
            raise u.UnitConversionError(
                f'The stretch was fitted on stamps in {self.unit or "no unit"}; stamps in '
                f'{stamps.unit or "no unit"} do not convert.'
            ) from error

    def _heights(self, images):
        """Peak of each stamp on the scale of the whole set; shape broadcasts to the images."""
        if len(images) == 0:
            return np.float32(1)
        axes = (1, 2) if self.per_band else tuple(range(1, images.ndim))
        heights = np.percentile(images, PEAK_PERCENTILE, axis=axes, keepdims=True)
        faintest = np.empty(len(self.sky), dtype=np.float32)
        for band, (interval, stretch) in enumerate(self._curves()):
            height = FAINTEST_PEAK * self.noise[band]
            faintest[band] = stretch(height / (interval.vmax - interval.vmin), clip=False)
        return np.maximum(heights, faintest if images.ndim == 4 else faintest[0])


def _sample_size(stamps):
    ny, nx = stamps.shape
    least, most = _SAMPLE_STAMPS
    count = _SAMPLE_PIXELS // (ny * nx * (stamps.bands or 1))
    return min(max(count, least), most)


def _band(array, band):
    """One band of images, or the images themselves where they have no axis of bands."""
    return array[..., band] if array.ndim == 4 else array


def _bands_of(stamps):
    """Pixels and validity of each band, (n, ny, nx)."""
    for band in range(stamps.bands or 1):
        yield _band(stamps.pixels, band), _band(stamps.valid, band)


def _apply(curve, pixels, *, out):
    interval, stretch = curve
    interval(pixels, clip=False, out=out)
    return stretch(out, clip=False, out=out)


def _of_extremes(curve, pixels):
    """Of an image with numbers that float32 does not hold in units of the peak."""
    interval, stretch = curve
    with np.errstate(over='ignore'):
        share = interval(pixels.astype(float), clip=False)
    share = np.clip(share, -_LARGEST_SHARE, _LARGEST_SHARE)
    return np.clip(stretch(share, clip=False), -BRIGHTEST, BRIGHTEST)
