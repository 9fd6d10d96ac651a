"""`stacked_arguments`: one image of stamps in several bands, by their mean, sum or chi-squared."""

import numpy as np

from astro_wgan.bands.band import Band, names_of
from astro_wgan.bands.chi_squared import ChiSquared
from astro_wgan.detection.tiled_detection import signal_to_noise
from astro_wgan.units.pixel_flux import PIXEL_META
from astro_wgan.validation.axis_order import own_axes

__all__ = ['stacked_arguments']

_METHODS = ('mean', 'sum', 'chi2')
_INVERSE_VARIANCE = 'inverse_variance'


def stacked_arguments(stamps, *, method, weights):
    """
    Arguments of `~astro_wgan.StampSet` for one image of several bands.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`
        Stamps with an axis of bands.
    method, weights
        As in `~astro_wgan.StampSet.stack`, which also documents the errors.

    Returns
    -------
    dict
    """
    if method not in _METHODS:
        raise ValueError(f'`method` must be one of {list(_METHODS)}; got {method!r}.')
    weights = _checked_weights(weights, stamps, method)
    is_flux = method != 'chi2'
    if is_flux:
        pixels, uncertainty, mask = _combined(stamps, method, weights)
        meta = stamps.meta
    else:
        pixels, mask = _chi_squared(stamps)
        uncertainty = None
        meta = {name: value for name, value in stamps.meta.items() if name not in PIXEL_META}
    first = stamps.bands[0].zero_point
    has_one_zero_point = all(band.zero_point == first for band in stamps.bands)
    psfs = [stamps.psf if band.psf is None else band.psf for band in stamps.bands]
    names = names_of(stamps.bands)
    band = Band(
        '+'.join(names) if is_flux else method,
        zero_point=first if is_flux and has_one_zero_point else None,
    )
    return {
        'pixels': pixels,
        'uncertainty': uncertainty,
        'mask': mask,
        'unit': stamps.unit if is_flux else None,
        'pixel_scale': stamps.pixel_scale,
        'psf': psfs[0] if all(np.array_equal(psf, psfs[0]) for psf in psfs) else None,
        'bands': (band,),
        'table': stamps.table,
        'meta': {**meta, 'stacked': {'bands': names, 'method': method}},
        'geometry': stamps.geometry,
        'axes': own_axes(3),
    }


def _checked_weights(weights, stamps, method):
    if weights is None:
        return np.ones(stamps.n_bands)
    if method == 'chi2':
        raise ValueError("`weights` are for the methods 'mean' and 'sum', not for 'chi2'.")
    if isinstance(weights, str):
        if weights != _INVERSE_VARIANCE or method != 'mean':
            raise ValueError(
                f"`weights` must be numbers, or, for the mean, '{_INVERSE_VARIANCE}'; got "
                f'{weights!r} for {method!r}.'
            )
        if stamps.uncertainty is None:
            raise ValueError(
                f"`weights='{_INVERSE_VARIANCE}'` needs the uncertainty of the stamps: they have "
                'none.'
            )
        with np.errstate(divide='ignore'):
            inverse = 1 / np.square(stamps.uncertainty, dtype=np.float64)
        return np.where(np.isfinite(inverse), inverse, 0)
    weights = np.asarray(weights)
    if weights.shape != (stamps.n_bands,) or weights.dtype.kind not in 'iuf':
        raise ValueError(
            f'`weights` must be {stamps.n_bands} numbers, one for each band; got {weights!r}.'
        )
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(f'`weights` must be finite and above 0; got {weights}.')
    return weights.astype(float)


def _combined(stamps, method, weights):
    valid = stamps.valid
    weights = weights * valid
    total = weights.sum(axis=-1)
    # A sum of fewer bands would be fainter, their mean is not.
    mask = total == 0 if method == 'mean' else ~valid.all(axis=-1)
    over = np.where(total > 0, total, 1) if method == 'mean' else 1.0
    pixels = (weights * np.where(valid, stamps.pixels, 0)).sum(axis=-1) / over
    pixels[mask] = np.nan
    if stamps.uncertainty is None:
        return pixels.astype(stamps.dtype), None, mask
    variance = np.square(weights * np.where(valid, stamps.uncertainty, 0)).sum(axis=-1)
    uncertainty = np.sqrt(variance) / over
    uncertainty[mask] = np.nan
    return pixels.astype(stamps.dtype), uncertainty.astype(stamps.dtype), mask


def _chi_squared(stamps):
    pixels = np.empty(stamps.pixels.shape[:3], dtype=np.float32)
    mask = np.zeros(pixels.shape, dtype=bool)
    valid = stamps.valid
    for k in range(len(stamps)):
        total = ChiSquared(stamps.shape)
        for band in range(stamps.n_bands):
            noise = None if stamps.uncertainty is None else stamps.uncertainty[k, ..., band]
            bad = ~valid[k, ..., band]
            if not bad.all():
                image = stamps.pixels[k, ..., band]
                total.add(*signal_to_noise(image, mask=bad, noise_rms=noise))
        pixels[k] = total.image()
        if total.bad is not None:
            mask[k] = total.bad
    pixels[mask] = np.nan
    return pixels, mask
