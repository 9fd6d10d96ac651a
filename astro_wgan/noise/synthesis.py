"""Synthetic noise: stamps of noise like observed sky, and noise added to noise-free stamps."""

from collections import deque
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from astropy import units as u

from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import check_workers, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.noise_model import make_noise_models
from astro_wgan.noise.power_spectra import tapered
from astro_wgan.noise.random_fields import (
    MarginalDistribution,
    NoiseFilter,
    gaussian_noise,
)
from astro_wgan.noise.sky import Sky
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.resume_store import resume_store
from astro_wgan.store.stamp_inputs import as_stamps
from astro_wgan.store.stampstore import StampStore
from astro_wgan.validation.pixels import as_shape
from astro_wgan.validation.seeds import check_seed, random_stream

__all__ = ['add_noise', 'make_noise']

#: Stamps that share a stream of random numbers. Changing it changes the noise of a given seed.
_BLOCK_SIZE = 256

#: Negative pixels up to this fraction of a stamp's peak are rounding errors of convolutions.
_ROUNDING = 1e-5


def make_noise(sky_noise, n, *, size, seed, mean=None):
    """
    Make stamps of noise with the statistics of observed sky, or with a given correlation.

    Parameters
    ----------
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Observed sky, whose correlation and distribution of pixel values the noise shall have; or
        the covariance of Gaussian noise, which is zero beyond its largest lag.
    n : int
        Number of stamps.
    size : int, tuple of int or `~astropy.units.Quantity`
        Pixels along an edge, or ``(ny, nx)``.
    seed : int or tuple of int
        Seed of the random numbers, as `numpy.random.default_rng` takes it.
    mean : float or `~astropy.units.Quantity`, optional
        Mean level of the noise. The default is that of the sky, or 0 for a covariance.

    Returns
    -------
    `~astro_wgan.StampSet`
        Independent stamps in float32, with the unit and pixel scale of ``sky_noise``.

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If ``sky_noise`` is of another type.

    Warns
    -----
    AstropyUserWarning
        If no noise has the given correlation.

    Notes
    -----
    Gaussian noise is generated in Fourier space from the power spectrum that corresponds to the
    correlation, in a box larger than the stamp, so that opposite edges are not correlated. The
    outer half of the lags of a measured correlation is tapered, as in `power_spectrum`; a known
    one is used as it is. For the pixel distribution of observed sky, Gaussian deviates are mapped
    to the values of the same rank, after their correlation has been corrected for this mapping.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky, make_noise
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> make_noise(sky, 1000, size=64, seed=1)
    <StampSet: 1000 stamps of 64 x 64 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    """
    if n < 0:
        raise ValueError(f'`n` must be 0 or more stamps; got {n}.')
    if not isinstance(sky_noise, (Sky, Autocorrelation)):
        raise TypeError(
            '`sky_noise` must be a Sky, as returned by find_sky, or an Autocorrelation; got '
            f'{type(sky_noise).__name__}.'
        )
    shape = as_shape(size, pixel_scale=sky_noise.pixel_scale)
    known = sky_noise if isinstance(sky_noise, Autocorrelation) else autocorrelation(sky_noise)
    sigma = np.sqrt(known.variance)
    mean = _mean_level(sky_noise, mean, sigma.unit)
    rng = np.random.default_rng(seed)
    if isinstance(sky_noise, Sky):
        pixels = _like_sky(sky_noise, known, n, shape, rng)
        pixels *= np.float32(sigma.value)
    else:
        noise_filter = NoiseFilter(tapered(known, known.coefficients), shape)
        pixels = gaussian_noise(noise_filter, n, sigma=sigma.value, rng=rng)
    if mean:
        pixels += np.float32(mean)
    return StampSet(
        pixels,
        unit=sigma.unit,
        pixel_scale=sky_noise.pixel_scale,
        meta={'provenance': provenance_record(seed=seed, sky_noise=repr(sky_noise), mean=mean)},
        assume_finite=True,
    )


def _mean_level(sky_noise, mean, unit):
    if mean is None:
        mean = sky_noise.mean if isinstance(sky_noise, Sky) else 0
    return float(mean.to_value(unit) if isinstance(mean, u.Quantity) else mean)


def _like_sky(sky, known, n, shape, rng):
    marginal = MarginalDistribution(sky.pixels[sky.clean])
    coefficients = marginal.gaussian_correlation(tapered(known, known.coefficients))
    noise = gaussian_noise(NoiseFilter(coefficients, shape), n, sigma=1.0, rng=rng)
    marginal.apply(noise)
    return noise


def add_noise(
    stamps,
    *,
    sky_noise,
    gain=1.0,
    exposure_time=None,
    zero_point=None,
    correlation=None,
    correlation_ratio=1.0,
    seed,
    output=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Add noise to noise-free stamps: Poisson noise of the sources, and sky noise.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.store.StampStore`, path, or list of cutouts
        Sources without noise and sky, as `~astro_wgan.store.as_stamps` takes them, in counts,
        electrons, a rate of these, or a flux density. No unit means counts, or counts per second
        if ``exposure_time`` is given.
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`, or a list of them
        Observed sky, of which stamps are added, or the covariance of Gaussian noise. Stamps with
        several bands need one for each; observed skies with the same clean pixels are cut at the
        same positions.
    gain : float or `~astropy.units.Quantity`, or a list of them, optional
        Electrons per count.
    exposure_time : `~astropy.units.Quantity`, or a list of them, optional
        Total integration time; required if pixels are rates or flux densities.
    zero_point : float or `~astropy.units.Quantity`, or a list of them, optional
        AB magnitude, or flux density, of one count per second; required if pixels are flux
        densities.
    correlation : `~astro_wgan.noise.Autocorrelation`, or a list of them, optional
        Correlation of the Poisson noise of the sources. The default is that of ``sky_noise``.
    correlation_ratio : float, optional
        Noise correlation ratio R (`noise_correlation_ratio`): the variance of a drizzled pixel is
        that of its electrons divided by R^2.
    seed : int
        Seed of the random numbers. The noise does not depend on the number of processes.
    output : path-like, optional
        Store that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.
    processes : int, optional
        Number of worker processes.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster to use instead.
    progress : bool, optional
        Whether to show a progress line.

    Returns
    -------
    `~astro_wgan.StampSet`, or `~astro_wgan.store.StampStore` if ``output`` is given
        With the unit, mask, PSF, WCS and table of ``stamps``. The variance of the noise is added to
        their uncertainty, if they have one.

    Raises
    ------
    ValueError
        If a stamp has negative pixels, an argument is out of range, bands or pixel scales disagree,
        or the store at ``output`` is of other work.
    astropy.units.UnitsError
        If units cannot be converted.
    SkyError
        If there is too little clean sky for stamps of this size.

    Notes
    -----
    Following Margalef-Bentabol et al. 2020 (section 4.2): Poisson noise of the source with the
    shape of the power spectrum of the sky, and a stamp of sky. The variance of each pixel is that
    of its electrons (see `~astro_wgan.noise.random_fields.poisson_noise`). Negative pixels of less
    than 1e-5 of the peak of a stamp, which are left by convolutions, count as 0. Masked pixels stay
    masked.

    The noise of a stamp depends only on the seed and on its index.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan import StampSet, datasets
    >>> from astro_wgan.noise import add_noise, find_sky
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> mock = StampSet(np.full((3, 64, 64), 20.0), pixel_scale=0.03 * u.arcsec)
    >>> add_noise(mock, sky_noise=sky, exposure_time=2028 * u.s, seed=1, progress=False)
    <StampSet: 3 stamps of 64 x 64 pixels, float64, 0.03 arcsec / pix>
    """
    stamps = as_stamps(stamps)
    noise_models = make_noise_models(
        stamps,
        sky_noise,
        correlation,
        gain=gain,
        exposure_time=exposure_time,
        zero_point=zero_point,
    )
    if not 0 < correlation_ratio < np.inf:
        raise ValueError(f'`correlation_ratio` must be positive; got {correlation_ratio}.')
    check_seed(seed)
    check_workers(processes, client)
    settings = {
        'seed': seed,
        'correlation_ratio': float(correlation_ratio),
        'bands': [model.to_dict() for model in noise_models],
    }
    meta = {'noise': settings, 'stamps': stamps.meta, 'provenance': provenance_record()}
    work = partial(
        _noisy,
        # Sky is cut in this process, so that the image is not sent to the others.
        noise_models=[replace(model, sky_noise=None) for model in noise_models],
        ratio=float(correlation_ratio),
        seed=seed,
    )
    run = partial(ordered_map, work, processes=processes, client=client)
    with ProgressLine('adding noise', quiet=not progress) as line:
        if output is None:
            sets = list(_noisy_sets(stamps, noise_models, seed, meta, run, line))
            return concatenate(sets) if sets else stamps[:0].replace(meta=meta)
        empty = stamps[:0].replace(meta=meta)
        fingerprint = _fingerprint(stamps, noise_models, correlation_ratio, seed)
        with resume_store(output, like=empty, fingerprint=fingerprint) as (store, meta):
            store.extend(_noisy_sets(stamps, noise_models, seed, meta, run, line, start=len(store)))
    return StampStore.open(output)


def _fingerprint(stamps, noise_models, ratio, seed):
    bands = [''] if len(noise_models) == 1 else [f' in band {k}' for k in range(len(noise_models))]
    sky, settings = {}, {'seed': seed, 'correlation_ratio': ratio}
    for model, band in zip(noise_models, bands, strict=True):
        sky.update({f'{name}{band}': value for name, value in model.describe_sky().items()})
        exposure = model.exposure.to_dict()
        settings.update({f'{name}{band}': value for name, value in exposure.items()})
        settings[f'correlation{band}'] = model.source_filter.amplitude
    return Fingerprint(
        {
            # All columns, because they are copied to the results.
            'stamps': describe_stamps(stamps, columns=None),
            'sky': sky,
            'settings': describe_settings(settings),
        }
    )


class _Block(NamedTuple):
    """A block of stamps, as sent to a worker."""

    number: int
    pixels: np.ndarray
    valid: np.ndarray
    uncertainty: np.ndarray | None
    ids: np.ndarray
    sky: list


def _noisy_sets(stamps, noise_models, seed, meta, run, line, *, start=0):
    """The stamps with noise, block by block, starting with the stamp at index ``start``."""
    total = len(stamps)
    waiting = deque()

    def blocks():
        for first in range(start, total, _BLOCK_SIZE):
            part = stamps[first : min(first + _BLOCK_SIZE, total)]
            # WCS and table are not sent to the workers.
            waiting.append(part)
            yield _prepare_block(part, first // _BLOCK_SIZE, noise_models, seed)

    line.update(start / max(1, total), f'{start} of {total} stamps')
    done = start
    for pixels, uncertainty in run(blocks()):
        part = waiting.popleft()
        done += len(part)
        line.update(done / total, f'{done} of {total} stamps')
        if uncertainty is None:
            uncertainty = part.uncertainty
        yield part.replace(pixels=pixels, uncertainty=uncertainty, meta=meta)


def _prepare_block(part, number, noise_models, seed):
    sky = [
        model.draw_sky_noise(len(part), part.shape, seed=seed, block=number, band=band)
        for band, model in enumerate(noise_models)
    ]
    return _Block(number, part.pixels, part.valid, part.uncertainty, part.ids, sky)


def _noisy(block, *, noise_models, ratio, seed):
    """Pixels and uncertainty of a block of stamps with noise."""
    pixels = block.pixels.copy()
    variance = np.zeros_like(pixels)
    for band, model in enumerate(noise_models):
        one = (..., band) if pixels.ndim == 4 else (...,)
        light = _checked_pixels(block.pixels[one], block.valid[one], block.ids)
        rng = random_stream(seed, block.number, 2, band)
        noise, variance[one] = model.source_noise(light, ratio=ratio, rng=rng)
        pixels[one] += noise + block.sky[band]
        variance[one] += model.sky_rms**2
    if block.uncertainty is None:
        return pixels, None
    return pixels, np.sqrt(block.uncertainty**2 + variance)


def _checked_pixels(pixels, valid, ids):
    """Pixels with masked ones, and negative ones of rounding, set to 0."""
    light = np.where(valid, pixels, 0)
    lowest, peak = light.min(axis=(1, 2)), light.max(axis=(1, 2))
    negative = lowest < -_ROUNDING * peak
    if negative.any():
        k = np.flatnonzero(negative)[0]
        raise ValueError(
            '`stamps` must have no negative pixels, which have no Poisson noise; '
            f'{np.count_nonzero(negative)} of {len(ids)} have some, the first being that of id '
            f'{ids[k]} with a pixel of {lowest[k]:g}.'
        )
    return np.clip(light, 0, None)
