"""The real SExtractor, and pairs of galaxies of known flux ratio, for tests and benchmarks."""

import shutil
import subprocess
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from scipy.ndimage import gaussian_filter
from scipy.special import gamma, gammaincinv

SEXTRACTOR = shutil.which('source-extractor') or shutil.which('sex')

#: SExtractor's columns, by our names.
COLUMNS = {
    'extension': 'EXT_NUMBER',
    'x': 'X_IMAGE',
    'y': 'Y_IMAGE',
    'kron_flux': 'FLUX_AUTO',
    'kron_flux_err': 'FLUXERR_AUTO',
    'kron_radius': 'KRON_RADIUS',
    'isophotal_flux': 'FLUX_ISO',
    'isophotal_flux_err': 'FLUXERR_ISO',
    'half_light_radius': 'FLUX_RADIUS',
    'semimajor_axis': 'A_IMAGE',
    'semiminor_axis': 'B_IMAGE',
    'theta': 'THETA_IMAGE',
    'area': 'ISOAREAF_IMAGE',
    'flags': 'FLAGS',
    'background': 'BACKGROUND',
    'threshold': 'THRESHOLD',
}

#: Half-light radius 1: a Gaussian, and an exponential disk as a sum of Gaussians (Hogg & Lang
#: 2013, PASP 125, 719, table 1). Variances along an axis, and shares of the light.
PROFILES = (
    ((1 / (2 * np.log(2)),), (1.0,)),
    (
        (
            1.20078965e-03,
            8.84526493e-03,
            3.91463084e-02,
            1.39976817e-01,
            4.60962500e-01,
            1.50159566,
        ),
        (2.34853813e-03, 3.07995260e-02, 2.23364214e-01, 1.17949102, 4.33873750, 5.99820770),
    ),
)


class Pairs(NamedTuple):
    """Stamps of a galaxy in the middle and a neighbor, and the truth about them."""

    pixels: np.ndarray
    flux_ratio: np.ndarray
    separation: np.ndarray
    #: Of the galaxy and of the neighbor, shape (n, 2).
    x: np.ndarray
    y: np.ndarray
    flux: np.ndarray
    half_light_radius: np.ndarray


def simulate_pairs(n, *, seed, size=64, noise=3.0, flux_ratio=(0.8, 8), separation=(6, 24)):
    """Pairs with flux ratios uniform in their logarithm and separations uniform in pixels."""
    rng = np.random.default_rng(seed)
    ratio = np.exp(rng.uniform(*np.log(flux_ratio), n))
    distance = rng.uniform(*separation, n)
    angle = rng.uniform(0, 2 * np.pi, n)
    x = (size - 1) / 2 + rng.uniform(-0.5, 0.5, (n, 1)) + np.zeros((1, 2))
    y = (size - 1) / 2 + rng.uniform(-0.5, 0.5, (n, 1)) + np.zeros((1, 2))
    x[:, 1] += distance * np.cos(angle)
    y[:, 1] += distance * np.sin(angle)
    flux = rng.uniform(1000, 5000, (n, 1)) / np.stack([np.ones(n), ratio], axis=1)
    radius = np.stack([rng.uniform(2, 5, n), rng.uniform(1.5, 4, n)], axis=1)
    axis_ratio, theta = rng.uniform(0.3, 1, (n, 2)), rng.uniform(0, np.pi, (n, 2))
    kind = rng.integers(2, size=(n, 2))
    pixels = rng.normal(scale=noise, size=(n, size, size)).astype(np.float32)
    for k in range(n):
        for j in range(2):
            pixels[k] += draw_galaxy(
                size,
                x[k, j],
                y[k, j],
                flux=flux[k, j],
                half_light_radius=radius[k, j],
                axis_ratio=axis_ratio[k, j],
                theta=theta[k, j],
                profile=PROFILES[kind[k, j]],
            )
    return Pairs(pixels, ratio, distance, x, y, flux, radius)


def draw_galaxy(size, x, y, *, flux, half_light_radius, axis_ratio, theta, profile, psf=1.27):
    """A galaxy seen with a Gaussian PSF of that sigma, in closed form."""
    dy, dx = np.mgrid[:size, :size].astype(np.float32)
    dy, dx = dy - np.float32(y), dx - np.float32(x)
    along = (dx * np.cos(theta) + dy * np.sin(theta)) ** 2
    across = (dy * np.cos(theta) - dx * np.sin(theta)) ** 2
    image = np.zeros((size, size), dtype=np.float32)
    total = sum(profile[1])
    # A pixel's width adds a twelfth to the variance.
    blur = psf**2 + 1 / 12
    for variance, share in zip(*profile, strict=True):
        major = variance * half_light_radius**2 + blur
        minor = variance * (half_light_radius * axis_ratio) ** 2 + blur
        height = flux * share / total / (2 * np.pi * np.sqrt(major * minor))
        image += np.float32(height) * np.exp(-0.5 * (along / major + across / minor))
    return image


def simulate_sersic(n, *, seed, noise, size=64):
    """A Sersic galaxy in each stamp, in linear counts with a Gaussian PSF and noise."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(scale=noise, size=(n, size, size))
    for k in range(n):
        pixels[k] += draw_sersic(
            size,
            *(size - 1) / 2 + rng.uniform(-0.5, 0.5, 2),
            flux=rng.uniform(1000, 5000),
            half_light_radius=rng.uniform(2, 6),
            index=rng.uniform(0.7, 4),
            axis_ratio=rng.uniform(0.3, 1),
            theta=rng.uniform(0, np.pi),
        )
    return pixels.astype(np.float32)


def draw_sersic(size, x, y, *, flux, half_light_radius, index, axis_ratio, theta, psf=1.27, fine=3):
    """Sersic's formula on a grid finer than the pixels, seen with a Gaussian PSF of that sigma."""
    dy, dx = (np.mgrid[: fine * size, : fine * size] + 0.5) / fine - 0.5
    dy, dx = dy - y, dx - x
    along = dx * np.cos(theta) + dy * np.sin(theta)
    across = dy * np.cos(theta) - dx * np.sin(theta)
    radius = np.hypot(along, across / axis_ratio) / half_light_radius
    b = gammaincinv(2 * index, 0.5)
    light = np.exp(-b * radius ** (1 / index))
    area = 2 * np.pi * half_light_radius**2 * axis_ratio
    light *= flux * b ** (2 * index) / (area * index * gamma(2 * index))
    light = gaussian_filter(light, fine * psf, mode='nearest')
    return light.reshape(size, fine, size, fine).mean(axis=(1, 3))


def mosaic(stamps):
    """Stamps side by side in one image; a number of them that is no square is cut."""
    edge = int(np.sqrt(len(stamps)))
    ny, nx = stamps.shape[1:]
    rows = stamps[: edge**2].reshape(edge, edge, ny, nx)
    return np.ascontiguousarray(rows.swapaxes(1, 2).reshape(edge * ny, edge * nx))


def run_sextractor(folder, images, detection, *, measured=None, **options):
    """
    The catalog of each image of a stack, or of one image, as columns by our names.

    Each image of a stack is an extension of one FITS file, so that SExtractor runs once and sees
    each by itself. With ``measured``, sources are detected in the one and measured in the other.
    """
    write_images(folder / 'images.fits', images)
    command = sextractor_command(folder, detection, **options)
    files = 'images.fits'
    if measured is not None:
        write_images(folder / 'measured.fits', measured)
        files += ',measured.fits'
    subprocess.run([*command, files], cwd=folder, check=True, capture_output=True)
    values = np.loadtxt(folder / 'catalog', ndmin=2).reshape(-1, len(COLUMNS))
    columns = dict(zip(COLUMNS, values.T, strict=True))
    columns['x'], columns['y'] = columns['x'] - 1, columns['y'] - 1
    columns['stamp'] = np.maximum(columns.pop('extension').astype(int) - 1, 0)
    columns['flags'] = columns['flags'].astype(int)
    columns['axis_ratio'] = columns['semiminor_axis'] / columns['semimajor_axis']
    return columns


def write_images(path, images):
    if images.ndim == 2:
        fits.writeto(path, images, overwrite=True)
    else:
        hdus = [fits.ImageHDU(image) for image in images]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)


def sextractor_command(folder, detection, **options):
    """How SExtractor is called, with its files in ``folder``; only the image is missing."""
    (folder / 'columns').write_text('\n'.join(COLUMNS.values()) + '\n')
    (folder / 'pyramid.conv').write_text('CONV NORM\n1 2 1\n2 4 2\n1 2 1\n')
    (folder / 'empty').write_text('')
    settings = {
        'PARAMETERS_NAME': 'columns',
        'FILTER': 'Y' if detection.smooth else 'N',
        'FILTER_NAME': 'pyramid.conv',
        'CATALOG_NAME': 'catalog',
        'DETECT_THRESH': detection.threshold,
        'ANALYSIS_THRESH': detection.threshold,
        'DETECT_MINAREA': detection.min_area,
        'DEBLEND_NTHRESH': detection.deblend_levels,
        'DEBLEND_MINCONT': detection.deblend_contrast,
        'CLEAN': 'N' if detection.clean is None else 'Y',
        'CLEAN_PARAM': detection.clean or 1.0,
        'BACK_SIZE': detection.background_box,
        'BACK_FILTERSIZE': detection.background_filter,
        'SATUR_LEVEL': 1e9,
        'VERBOSE_TYPE': 'QUIET',
        **options,
    }
    words = [word for name, value in settings.items() for word in (f'-{name}', str(value))]
    return [SEXTRACTOR, '-c', 'empty', *words]
