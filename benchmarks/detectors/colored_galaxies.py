"""Simulated galaxies in three bands, on a sequence from blue disks to red bulges, and odd ones."""

import numpy as np
from scipy.ndimage import gaussian_filter

__all__ = ['KINDS', 'change_galaxies', 'draw_galaxies']

#: Kinds of odd galaxies: band order reversed, first band two pixels off, first band missing,
#: redder than the sequence allows, half as much again in the middle band, a knot in the middle band
#: with 15 percent of the flux, and a companion of the colors of a disk with 30 percent.
KINDS = ('swapped', 'shifted', 'dropout', 'redder', 'green', 'green blob', 'companion')

#: Edge of the stamps in pixels, and standard deviation of the noise in each band.
_SIZE, _NOISE = 32, (1.2, 1.0, 1.4)
#: Standard deviation in pixels of the window in which light is that of the central source.
_WINDOW = 6.0
#: Relative fluxes of disks and bulges, with a scatter of 4 percent.
_DISK, _BULGE, _SCATTER = np.array([1, 1.15, 1.25]) / 1.13, np.array([0.35, 1.0, 1.75]) / 1.03, 0.04


def draw_galaxies(n, seed, kind='normal'):
    """
    Galaxies of an exponential disk and a bulge, of 300 to 4000 times the noise.

    Parameters
    ----------
    n : int
    seed : int
    kind : str
        ``'normal'`` or one of `KINDS`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, 32, 32, 3)
    """
    rng = np.random.default_rng(seed)
    y, x = np.indices((_SIZE, _SIZE)) - (_SIZE - 1) / 2
    images = np.empty((n, _SIZE, _SIZE, 3), np.float32)
    for k in range(n):
        redness = rng.beta(1.3, 1.3)
        bulge_fraction = np.clip(redness + rng.normal(0, 0.1), 0, 1)
        flux = np.exp(rng.uniform(np.log(300), np.log(4000)))
        axis_ratio, angle = rng.uniform(0.35, 1), rng.uniform(0, np.pi)
        dx, dy = rng.uniform(-0.5, 0.5, 2)
        along = (x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)
        across = -(x - dx) * np.sin(angle) + (y - dy) * np.cos(angle)
        scale = rng.uniform(2.2, 4.2)
        disk = _exponential(np.hypot(along, across / axis_ratio), scale)
        bulge = _exponential(np.hypot(x - dx, y - dy), 0.45 * scale)
        disk_color = _DISK * np.exp(rng.normal(0, _SCATTER, 3))
        bulge_color = _BULGE * np.exp(rng.normal(0, _SCATTER, 3))
        image = bulge_fraction * bulge[..., np.newaxis] * bulge_color
        image = flux * (image + (1 - bulge_fraction) * disk[..., np.newaxis] * disk_color)
        images[k] = _as_kind(image, kind, flux, disk_color, rng)
    return images + rng.normal(0, _NOISE, images.shape).astype(np.float32)


def change_galaxies(images, seed, kind):
    """
    Observed galaxies whose light is changed to that of an odd kind, with the noise as it is.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, 32, 32, 3)
        Stamps of galaxies above the sky.
    seed : int
    kind : str
        One of `KINDS`.

    Returns
    -------
    `~numpy.ndarray` of float32, shape (n, 32, 32, 3)

    Notes
    -----
    The light of the central source is the smoothed image within a Gaussian window.
    """
    rng = np.random.default_rng(seed)
    window = _blob(0, 0, _WINDOW)
    light = gaussian_filter(images.astype(float), (0, 1, 1, 0))
    light *= (window / window.max())[..., np.newaxis]
    changed = images.astype(np.float32)
    for k, image in enumerate(light):
        fluxes = np.maximum(image.sum(axis=(0, 1)), 0)
        flux = fluxes.mean()
        color = fluxes / flux if flux > 0 else np.ones(3)
        changed[k] += _as_kind(image.copy(), kind, flux, color, rng) - image
    return changed


def _as_kind(image, kind, flux, disk_color, rng):
    if kind == 'swapped':
        return image[..., ::-1]
    if kind == 'shifted':
        image[..., 0] = np.roll(image[..., 0], 2, axis=1)
    elif kind == 'dropout':
        image[..., 0] = 0
    elif kind == 'redder':
        image *= np.array([0.7, 1, 1.35])
    elif kind == 'green':
        image *= np.array([1, 1.5, 1])
    elif kind == 'green blob':
        x, y = rng.uniform(-5, 5, 2)
        image[..., 1] += 0.15 * flux * _blob(x, y, 1.3)
    elif kind == 'companion':
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(6, 11)
        blob = _blob(distance * np.cos(angle), distance * np.sin(angle), 2)
        image += 0.3 * flux * blob[..., np.newaxis] * disk_color
    return image


def _exponential(radius, scale):
    profile = np.exp(-np.sqrt(radius**2 + 1.2) / scale)
    return profile / profile.sum()


def _blob(x, y, sigma):
    rows, columns = np.indices((_SIZE, _SIZE)) - (_SIZE - 1) / 2
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return blob / blob.sum()
