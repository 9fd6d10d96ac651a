"""`observe`: simulated galaxies as a survey would have seen them, with its noise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.cosmology import Planck18

from astro_wgan.mocks.instruments import get_instrument
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
    Simulated galaxies as a survey would have seen them: distant, blurred, in pixels, with noise.

    Parameters
    ----------
    light, instrument, redshift, size, center, cosmology
        As in `mock_stamps`.
    seed : int
        The same seed gives the same noise, on however many processes.
    sky_noise : `~astro_wgan.noise.Sky` or `~astro_wgan.noise.Autocorrelation`, optional
        Real sky, or its covariance, in electron / s (no unit counts as that); by default the
        `Instrument.sky_noise`, Gaussian and correlated as by drizzling.
    exposure_time : `~astropy.units.Quantity`, optional
        Instead of that of the survey; the number of exposures follows.
    output : path-like, optional
        Where to write a store. The stamps without noise are written beside it, under its name with
        ``-noise-free`` added. What an interrupted call has left there is continued; stores of other
        input or settings are refused.
    processes, client, progress : optional
        As in `mock_stamps`.

    Returns
    -------
    `~astro_wgan.StampSet`, or `~astro_wgan.store.StampStore` where ``output`` is given
        In electron / s, with the table of `mock_stamps`.

    Raises
    ------
    ValueError, TypeError, astropy.units.UnitsError
        As `mock_stamps` and `~astro_wgan.noise.add_noise`.

    Notes
    -----
    The survey's images have their sky subtracted. A galaxy's own light has Poisson noise of the
    exposure time, with the correlation of the sky.

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
    # A sky of another unit or scale, or too little of it, is said before anything is drawn.
    nothing = mock_stamps([], instrument, redshift=1.0, size=size, progress=False)
    add_noise(nothing, **options, processes=processes, progress=False)
    if isinstance(sky_noise, Sky):
        sky_noise.draw(1, nothing.shape, np.random.default_rng(0))
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
    """Where the stamps without noise are, beside the store at ``output``."""
    path = Path(output)
    return path.with_name(f'{path.stem}-noise-free{path.suffix}')


def with_exposure_time(instrument, exposure_time):
    """
    An instrument that exposes longer or shorter, with more or fewer exposures of the same length.

    Raises
    ------
    ValueError
        If the time is not above 0.
    astropy.units.UnitsError
        If it is no time.
    """
    changed = replace(instrument, exposure_time=u.Quantity(exposure_time))
    factor = float(changed.exposure_time / instrument.exposure_time)
    return replace(changed, n_exposures=max(1, round(factor * instrument.n_exposures)))
