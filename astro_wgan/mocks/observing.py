"""`observe`: mock images of simulated galaxies with the PSF, pixels and noise of a survey."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.cosmology import Planck18

from astro_wgan.mocks.presets import get_instrument
from astro_wgan.mocks.rendering import mock_stamps
from astro_wgan.noise import Sky, add_noise, autocorrelation

__all__ = ['noise_free_path', 'observe', 'with_exposure_time']


def observe(
    light,
    instrument,
    *,
    redshift,
    seed,
    size=64,
    center=None,
    sky_noise=None,
    exposure_time=None,
    cosmology=Planck18,
    output=None,
    processes=1,
    client=None,
    progress=True,
):
    """
    Observe simulated galaxies with the PSF, pixels and noise of a survey.

    Parameters
    ----------
    light, instrument, redshift, size, center, cosmology
        As in `mock_stamps`.
    seed : int
        Seed of the noise, which does not depend on the number of processes.
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`, optional
        Observed sky, or the covariance of its noise, in electron / s (also assumed without a unit).
        The default is `Instrument.sky_noise`, Gaussian noise with the correlation of drizzling.
    exposure_time : `~astropy.units.Quantity`, optional
        Exposure time other than that of the survey; the number of exposures changes with it.
    output : path-like, optional
        Store that keeps the results; the noise-free stamps are kept in a second store, with
        ``-noise-free`` appended to its name. An interrupted call that is repeated with the same
        arguments goes on from it; results of other work are refused.
    processes, client, progress : optional
        As in `mock_stamps`.

    Returns
    -------
    `~astro_wgan.StampSet`, or `~astro_wgan.store.StampStore` if ``output`` is given
        In electron / s, with the table of `mock_stamps`.

    Raises
    ------
    ValueError, TypeError, astropy.units.UnitsError
        As in `mock_stamps` and `~astro_wgan.noise.add_noise`.

    Notes
    -----
    The images are sky-subtracted. The Poisson noise of a galaxy corresponds to the exposure time
    and has the correlation of the sky noise.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import LightMap, observe
    >>> y, x = np.indices((100, 100)) - 49.5
    >>> galaxy = LightMap(1e19 * np.exp(-np.hypot(x, y) / 15) * u.W / u.Hz, 0.2 * u.kpc)
    >>> observe(galaxy, 'euclid_vis', redshift=[0.5, 1], seed=1, progress=False)
    <StampSet: 2 stamps of 64 x 64 pixels, float32, unit electron / s, 0.1 arcsec / pix>
    """
    instrument = get_instrument(instrument)
    if exposure_time is not None:
        instrument = with_exposure_time(instrument, exposure_time)
    sky_noise = instrument.sky_noise if sky_noise is None else sky_noise
    correlation = autocorrelation(sky_noise) if isinstance(sky_noise, Sky) else None
    options = {
        'sky_noise': sky_noise,
        'exposure_time': instrument.exposure_time,
        'correlation': correlation,
        'correlation_ratio': instrument.correlation_ratio,
        'seed': seed,
    }
    # Sky noise of another unit or scale, or with too little area, is refused before rendering.
    empty = mock_stamps([], instrument, redshift=1.0, size=size, progress=False)
    add_noise(empty, **options, processes=processes, progress=False)
    if isinstance(sky_noise, Sky):
        sky_noise.draw(1, empty.shape, np.random.default_rng(0))
    work = {'processes': processes, 'client': client, 'progress': progress}
    stamps = mock_stamps(
        light,
        instrument,
        redshift=redshift,
        size=size,
        center=center,
        cosmology=cosmology,
        output=None if output is None else noise_free_path(output),
        **work,
    )
    return add_noise(stamps, **options, output=output, **work)


def noise_free_path(output):
    """Path of the store of noise-free stamps next to the one at ``output``."""
    path = Path(output)
    return path.with_name(f'{path.stem}-noise-free{path.suffix}')


def with_exposure_time(instrument, exposure_time):
    """
    Change the exposure time of an instrument, and the number of exposures with it.

    Parameters
    ----------
    instrument : `Instrument`
    exposure_time : `~astropy.units.Quantity`

    Returns
    -------
    `Instrument`

    Raises
    ------
    ValueError
        If ``exposure_time`` is not positive.
    astropy.units.UnitsError
        If it is not a time.
    """
    changed = replace(instrument, exposure_time=u.Quantity(exposure_time))
    factor = float(changed.exposure_time / instrument.exposure_time)
    return replace(changed, n_exposures=max(1, round(factor * instrument.n_exposures)))
