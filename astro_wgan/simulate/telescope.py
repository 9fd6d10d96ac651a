"""What the telescope makes of the light: point spread function, pixels, correlated noise."""

from functools import lru_cache

import numpy as np
from scipy import fft

from astro_wgan.optional import import_optional
from astro_wgan.simulate.fine_grid import Sky
from astro_wgan.simulate.telescope_config import MoffatOptics

__all__ = ['add_noise', 'galsim_psf', 'import_galsim', 'observe', 'psf_image', 'sky_of']

#: Pixels along the edge of the image of the PSF that stamps carry.
_PSF_SIZE = 33


def import_galsim():
    """The package GalSim, or the error that says how to install it."""
    return import_optional('galsim', purpose='Simulations need')


def galsim_psf(optics):
    """
    The point spread function, before it is sampled by pixels, as a GalSim profile of flux 1.

    Parameters
    ----------
    optics : `~astro_wgan.datasets.TelescopeOptics` or `~astro_wgan.datasets.MoffatOptics`

    Returns
    -------
    `galsim.GSObject`
        With lengths in arcsec.
    """
    galsim = import_galsim()
    if isinstance(optics, MoffatOptics):
        return galsim.Moffat(beta=optics.beta, fwhm=optics.fwhm)
    pupil = galsim.OpticalPSF(
        lam=optics.wavelength,
        diam=optics.diameter,
        obscuration=optics.obscuration,
        nstruts=4,
        strut_thick=optics.strut,
        strut_angle=45 * galsim.degrees,
        scale_unit=galsim.arcsec,
    )
    return galsim.Convolve(pupil, galsim.Gaussian(fwhm=optics.blur))


def sky_of(recipe):
    """The fine grid on which the light of a stamp is drawn."""
    return Sky(recipe.size, recipe.margin, recipe.pixel_scale, recipe.oversampling)


@lru_cache(maxsize=8)
def psf_image(recipe):
    """
    The point spread function as pixels see it.

    Returns
    -------
    `~numpy.ndarray` of float, shape (33, 33)
        With a sum of 1, but for what lies outside.
    """
    drawn = galsim_psf(recipe.optics).drawImage(
        nx=_PSF_SIZE, ny=_PSF_SIZE, scale=recipe.pixel_scale, dtype=float
    )
    return drawn.array


def observe(light, recipe):
    """
    The image of some light: blurred by the PSF, and summed in pixels.

    Parameters
    ----------
    light : `~numpy.ndarray`, shape (fine, fine)
        Flux per fine pixel on the grid of `sky_of`.
    recipe : `~astro_wgan.simulate.Recipe`

    Returns
    -------
    `~numpy.ndarray`, shape (size, size)
        Flux per pixel, without noise.
    """
    sky = sky_of(recipe)
    spectrum = fft.rfft2(light)
    spectrum *= _transfer(recipe)
    # Of the rows of fine pixels one in each pixel is wanted: waves that differ between these alone
    # are the same there. Columns are summed afterwards.
    spectrum = spectrum.reshape(sky.oversampling, -1, spectrum.shape[1]).sum(axis=0)
    inner = slice(sky.margin, sky.margin + sky.size)
    rows = fft.irfft(fft.ifft(spectrum, axis=0)[inner], n=sky.n)
    return sum(rows[:, k :: sky.oversampling] for k in range(sky.oversampling))[:, inner]


def add_noise(image, rng, noise):
    """
    An image with the noise of sky and sources, correlated between neighbouring pixels.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
        In nJy per pixel, without noise.
    rng : `numpy.random.Generator`
    noise : `~astro_wgan.datasets.Noise`

    Returns
    -------
    `~numpy.ndarray` of float32
    """
    taps = np.asarray(noise.taps, dtype=np.float32)
    taps /= np.sqrt((taps**2).sum())
    field = rng.standard_normal([length + len(taps) - 1 for length in image.shape], np.float32)
    field = _convolved_rows(_convolved_rows(field, taps).T, taps).T
    variance = noise.rms**2 + np.maximum(image, 0) / noise.gain
    return (image + np.sqrt(variance) * field).astype(np.float32)


def _convolved_rows(values, taps):
    """Sums of neighbouring rows, as many fewer as there are taps but one."""
    n = len(values) - len(taps) + 1
    return sum(tap * values[k : k + n] for k, tap in enumerate(taps))


@lru_cache(maxsize=8)
def _transfer(recipe):
    """Fourier transform of the PSF on the fine grid, and of the sum of fine rows of a pixel."""
    sky = sky_of(recipe)
    psf = galsim_psf(recipe.optics)
    # GalSim puts the middle of an even image between pixels; an offset moves it onto one.
    drawn = psf.drawImage(
        nx=sky.n, ny=sky.n, scale=sky.step, method='no_pixel', offset=(0.5, 0.5), dtype=float
    ).array
    waves = fft.fftfreq(sky.n)[:, np.newaxis]
    summed = sum(np.exp(2j * np.pi * waves * k) for k in range(sky.oversampling))
    transfer = fft.rfft2(fft.ifftshift(drawn)) * summed / sky.oversampling
    return transfer.astype(np.complex64)
