"""The simulated telescope: point spread function, pixels, correlated noise."""

from functools import lru_cache

import numpy as np
from scipy import fft

from astro_wgan.optional import import_optional
from astro_wgan.simulate.fine_grid import FineGrid
from astro_wgan.simulate.telescope_config import MoffatOptics

__all__ = ['add_noise', 'fine_grid_of', 'galsim_psf', 'import_galsim', 'observe', 'psf_image']

#: Pixels along the edge of the PSF image that is stored with the stamps.
_PSF_SIZE = 33


def import_galsim():
    """The package GalSim, or the error that says how to install it."""
    return import_optional('galsim', purpose='Simulations need')


def galsim_psf(optics):
    """
    The point spread function without the pixel response, as a GalSim profile of unit flux.

    Parameters
    ----------
    optics : `~astro_wgan.simulate.TelescopeOptics` or `~astro_wgan.simulate.MoffatOptics`

    Returns
    -------
    `galsim.GSObject`
        Lengths are in arcsec.
    """
    galsim = import_galsim()
    if isinstance(optics, MoffatOptics):
        return galsim.Moffat(beta=optics.beta, fwhm=optics.fwhm)
    pupil = galsim.OpticalPSF(
        lam=optics.wavelength,
        diam=optics.diameter,
        obscuration=optics.obscuration,
        nstruts=4,
        strut_thick=optics.strut_thickness,
        strut_angle=45 * galsim.degrees,
        scale_unit=galsim.arcsec,
    )
    return galsim.Convolve(pupil, galsim.Gaussian(fwhm=optics.blur_fwhm))


def fine_grid_of(config):
    """The `FineGrid` on which the light of a stamp is drawn."""
    return FineGrid(config.size, config.margin, config.pixel_scale, config.oversampling)


@lru_cache(maxsize=8)
def psf_image(config):
    """
    The point spread function with the pixel response.

    Returns
    -------
    `~numpy.ndarray` of float, shape (33, 33)
        The sum is 1 minus the light outside of the image.
    """
    drawn = galsim_psf(config.optics).drawImage(
        nx=_PSF_SIZE, ny=_PSF_SIZE, scale=config.pixel_scale, dtype=float
    )
    return drawn.array


def observe(light, config):
    """
    Convolve light with the PSF and sum it in pixels.

    Parameters
    ----------
    light : `~numpy.ndarray`, shape (fine, fine)
        Flux per fine pixel on the grid of `fine_grid_of`.
    config : `~astro_wgan.simulate.SimulationConfig`

    Returns
    -------
    `~numpy.ndarray`, shape (size, size)
        Flux per pixel, without noise.
    """
    grid = fine_grid_of(config)
    spectrum = fft.rfft2(light)
    spectrum *= _transfer(config)
    # One row of fine pixels per pixel is needed, since `_transfer` sums them: folding the spectrum
    # decimates the rows. Columns are summed afterwards.
    spectrum = spectrum.reshape(grid.oversampling, -1, spectrum.shape[1]).sum(axis=0)
    inner = slice(grid.margin, grid.margin + grid.size)
    rows = fft.irfft(fft.ifft(spectrum, axis=0)[inner], n=grid.n)
    return sum(rows[:, k :: grid.oversampling] for k in range(grid.oversampling))[:, inner]


def add_noise(image, rng, noise):
    """
    Add sky and photon noise, correlated between neighboring pixels.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
        In nJy per pixel, without noise.
    rng : `numpy.random.Generator`
    noise : `~astro_wgan.simulate.Noise`

    Returns
    -------
    `~numpy.ndarray` of float32
    """
    kernel = np.asarray(noise.kernel, dtype=np.float32)
    kernel /= np.sqrt((kernel**2).sum())
    field = rng.standard_normal([length + len(kernel) - 1 for length in image.shape], np.float32)
    field = _convolved_rows(_convolved_rows(field, kernel).T, kernel).T
    variance = noise.rms**2 + np.maximum(image, 0) / noise.gain
    return (image + np.sqrt(variance) * field).astype(np.float32)


def _convolved_rows(values, kernel):
    """Convolution along the rows, without the incomplete ones at both ends."""
    n = len(values) - len(kernel) + 1
    return sum(weight * values[k : k + n] for k, weight in enumerate(kernel))


@lru_cache(maxsize=8)
def _transfer(config):
    """Fourier transform of the PSF on the fine grid, summed over the fine rows of a pixel."""
    grid = fine_grid_of(config)
    psf = galsim_psf(config.optics)
    # GalSim centers an even image between pixels; the offset moves the center onto a pixel.
    drawn = psf.drawImage(
        nx=grid.n, ny=grid.n, scale=grid.step, method='no_pixel', offset=(0.5, 0.5), dtype=float
    ).array
    waves = fft.fftfreq(grid.n)[:, np.newaxis]
    summed = sum(np.exp(2j * np.pi * waves * k) for k in range(grid.oversampling))
    transfer = fft.rfft2(fft.ifftshift(drawn)) * summed / grid.oversampling
    return transfer.astype(np.complex64)
