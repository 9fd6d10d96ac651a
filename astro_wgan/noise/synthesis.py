"""`make_noise`: as many stamps of sky as one likes, with the correlation of real sky."""

from collections import deque
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from astropy import units as u

from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import check_processes, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.noise.autocorrelation_function import Autocorrelation, autocorrelation
from astro_wgan.noise.noise_model import check_seed, draw_sky, make_noise_models, random_stream
from astro_wgan.noise.power_spectra import tapered
from astro_wgan.noise.random_fields import MarginalDistribution, NoiseFilter, gaussian_noise
from astro_wgan.noise.sky import Sky
from astro_wgan.stamps.concatenation import concatenate
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.continuation import continued_store
from astro_wgan.store.stampstore import StampStore
from astro_wgan.validation.pixels import as_shape

__all__ = ['add_noise', 'make_noise']


def make_noise(sky_noise, n, *, size, seed, mean=None):
    """
    Make stamps of noise: like the sky of an image, or Gaussian with a given correlation.

    Parameters
    ----------
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`
        Sky whose correlation and whose histogram of pixels the noise shall have; or the covariance
        of Gaussian noise, which has none beyond the largest lag.
    n : int
        How many stamps.
    size : int or tuple of int
        Pixels along an edge, or ``(ny, nx)``.
    seed : int or tuple of int
        The same seed gives the same stamps; as `numpy.random.default_rng` takes it.
    mean : float or `~astropy.units.Quantity`, optional
        Level of the noise; by default that of the sky, or 0 where a covariance is given.

    Returns
    -------
    `~astro_wgan.StampSet`
        Independent of each other, in float32, with the unit and pixel scale of the sky.

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If ``sky_noise`` is something else.

    Notes
    -----
    Gaussian noise is made at spatial frequencies, with the power that the correlation asks for, in
    a box larger than the stamp, so that opposite edges are not alike. The outer half of the lags
    of a correlation that was measured is tapered, as in `power_spectrum`; one that was given is
    taken as it is. For the histogram of real sky, Gaussian pixels become those of the same rank,
    from noise whose correlation is such that this makes it the wanted one.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.noise import find_sky, make_noise
    >>> sky = find_sky(datasets.load_image('mock_f814w'))
    >>> make_noise(sky, 1000, size=64, seed=1)
    <StampSet: 1000 stamps of 64 x 64 pixels, float32, unit electron / s, 0.03 arcsec / pix>
    """
    shape = as_shape(size)
    if n < 0:
        raise ValueError(f'`n` must be 0 or more stamps; got {n}.')
    if not isinstance(sky_noise, (Sky, Autocorrelation)):
        raise TypeError(
            '`sky_noise` must be a Sky, as returned by find_sky, or an Autocorrelation; got '
            f'{type(sky_noise).__name__}.'
        )
    known = sky_noise if isinstance(sky_noise, Autocorrelation) else autocorrelation(sky_noise)
    sigma = np.sqrt(known.variance)
    mean = _level(sky_noise, mean, sigma.unit)
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


def _level(sky_noise, mean, unit):
    if mean is None:
        mean = sky_noise.mean if isinstance(sky_noise, Sky) else 0
    return float(mean.to_value(unit) if isinstance(mean, u.Quantity) else mean)


def _like_sky(sky, known, n, shape, rng):
    marginal = MarginalDistribution(sky.pixels[sky.clean])
    coefficients = marginal.gaussian_correlation(tapered(known, known.coefficients))
    noise = gaussian_noise(NoiseFilter(coefficients, shape), n, sigma=1.0, rng=rng)
    marginal.apply(noise)
    return noise


#: Stamps that share a stream of random numbers. Another number is another result.
_BLOCK = 256

#: Below zero by less than this share of a stamp's peak is rounding, as convolutions leave it.
_ROUNDING = 1e-5


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
    Give noise-free stamps the noise of a survey: that of their own light, and its sky.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Without noise and sky, in counts, electrons, one of these per time, or a flux density. No
        unit means counts, or counts per second where ``exposure_time`` is given.
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`, or a list of them
        What is added: stamps of real sky, or Gaussian noise with this covariance. Stamps of
        several bands need one for each; skies with the same clean pixels are then cut at the same
        places.
    gain : float or `~astropy.units.Quantity`, or a list of them, optional
        Electrons per count.
    exposure_time : `~astropy.units.Quantity`, or a list of them, optional
        For pixels that are a rate or a flux density.
    zero_point : float or `~astropy.units.Quantity`, or a list of them, optional
        AB magnitude, or flux density, of one count per second: for pixels that are a flux density.
    correlation : `~astro_wgan.noise.Autocorrelation`, or a list of them, optional
        Correlation of the Poisson noise of the sources; by default that of ``sky_noise``.
    correlation_ratio : float, optional
        R of `noise_correlation_ratio`: the variance of a drizzled pixel is that of its electrons
        divided by R^2. With 1, it is that of its electrons.
    seed : int
        The same seed gives the same noise, on however many processes.
    output : path-like, optional
        Where to write a store. One that an interrupted call has left there is continued; one of
        other input or settings is refused.
    processes : int, optional
        Processes that work at the same time.
    client : `dask.distributed.Client`, optional
        A Dask cluster that works instead.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astro_wgan.StampSet`, or `~astro_wgan.store.StampStore` where ``output`` is given
        With unit, mask, PSF, WCS and table of the stamps. Their uncertainty, where they have one,
        has the new noise added to it in squares.

    Raises
    ------
    ValueError
        If a stamp has negative pixels, an argument is out of range, bands or pixel scales
        disagree, or the store at ``output`` is of other work.
    astropy.units.UnitsError
        If units do not convert.
    SkyError
        If there is too little clean sky for stamps of this size.

    Notes
    -----
    Margalef-Bentabol et al. 2020 (section 4.2): Poisson noise of the source whose power spectrum
    has the shape of the sky's, and a piece of sky. The variance of each pixel is that of its
    electrons; see `~astro_wgan.noise.random_fields.poisson_noise` for how. Negative pixels of less
    than 1e-5 of a stamp's peak, which convolutions leave, count as 0. Masked pixels stay masked.

    The noise of a stamp depends on the seed and on its place in the set.

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
    noise_models = make_noise_models(
        stamps,
        sky_noise,
        correlation,
        gain=gain,
        exposure_time=exposure_time,
        zero_point=zero_point,
    )
    if not 0 < correlation_ratio < np.inf:
        raise ValueError(f'`correlation_ratio` must be above 0; got {correlation_ratio}.')
    check_seed(seed)
    check_processes(processes)
    settings = {
        'seed': seed,
        'correlation_ratio': float(correlation_ratio),
        'bands': [model.to_dict() for model in noise_models],
    }
    meta = {'noise': settings, 'stamps': stamps.meta, 'provenance': provenance_record()}
    work = partial(
        _noisy,
        # Sky is cut in this process: others need not know the image.
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
        with continued_store(output, like=empty, fingerprint=fingerprint) as (store, meta):
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
            # All columns: they become those of the results.
            'stamps': describe_stamps(stamps, columns=None),
            'sky': sky,
            'settings': describe_settings(settings),
        }
    )


class _Piece(NamedTuple):
    """What whoever works on a block must know of it."""

    block: int
    pixels: np.ndarray
    valid: np.ndarray
    uncertainty: np.ndarray | None
    ids: np.ndarray
    sky: list


def _noisy_sets(stamps, noise_models, seed, meta, run, line, *, start=0):
    """The stamps with noise, block by block, from the block on that begins at ``start``."""
    total = len(stamps)
    waiting = deque()

    def pieces():
        for first in range(start, total, _BLOCK):
            part = stamps[first : min(first + _BLOCK, total)]
            # WCS and table are not sent around; they meet their pixels again here.
            waiting.append(part)
            yield _piece(part, first // _BLOCK, noise_models, seed)

    line.update(start / max(1, total), f'{start} of {total} stamps')
    done = start
    for pixels, uncertainty in run(pieces()):
        part = waiting.popleft()
        done += len(part)
        line.update(done / total, f'{done} of {total} stamps')
        if uncertainty is None:
            uncertainty = part.uncertainty
        yield part.replace(pixels=pixels, uncertainty=uncertainty, meta=meta)


def _piece(part, block, noise_models, seed):
    sky = [
        draw_sky(model, len(part), part.shape, seed=seed, block=block, band=band)
        for band, model in enumerate(noise_models)
    ]
    return _Piece(block, part.pixels, part.valid, part.uncertainty, part.ids, sky)


def _noisy(piece, *, noise_models, ratio, seed):
    """Pixels and uncertainty of a block's stamps with noise."""
    pixels = piece.pixels.copy()
    variance = np.zeros_like(pixels)
    for band, model in enumerate(noise_models):
        one = (..., band) if pixels.ndim == 4 else (...,)
        light = _checked_light(piece.pixels[one], piece.valid[one], piece.ids)
        rng = random_stream(seed, piece.block, 2, band)
        noise, variance[one] = model.source_noise(light, ratio=ratio, rng=rng)
        pixels[one] += noise + piece.sky[band]
        variance[one] += model.sky_rms**2
    if piece.uncertainty is None:
        return pixels, None
    return pixels, np.sqrt(piece.uncertainty**2 + variance)


def _checked_light(pixels, valid, ids):
    """Pixels without those that are masked or negative by rounding."""
    light = np.where(valid, pixels, 0)
    lowest, peak = light.min(axis=(1, 2)), light.max(axis=(1, 2))
    negative = lowest < -_ROUNDING * peak
    if negative.any():
        k = np.flatnonzero(negative)[0]
        raise ValueError(
            'Poisson noise needs `stamps` without negative pixels: '
            f'{np.count_nonzero(negative)} of {len(ids)} have some, the first is that of id '
            f'{ids[k]}, with a pixel of {lowest[k]:g}.'
        )
    return np.clip(light, 0, None)
