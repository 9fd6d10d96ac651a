"""Flux, size, shape and power spectrum of generated images, compared with those of real ones."""

import numpy as np
from scipy.stats import ks_2samp, wasserstein_distance

__all__ = ['PROPERTIES', 'compare_image_statistics', 'measure_image_statistics']

#: Scalar properties that `measure_image_statistics` measures of each image.
PROPERTIES = ('flux', 'half_light_radius', 'concentration', 'axis_ratio')

#: Width of the border in which the sky is measured, and radius of the aperture, as fractions of
#: the edge.
_BORDER, _APERTURE = 1 / 16, 3 / 8
_POWER_BINS = 8
#: Added to the mean power of a bin, as a fraction of that of all bins, before the logarithm.
_POWER_FLOOR = 1e-6


def measure_image_statistics(images):
    """
    Simple properties of many images, within a circular aperture at the center.

    Parameters
    ----------
    images : `~numpy.ndarray`, shape (n, ny, nx)
        Linear intensity of centered objects, without masked pixels.

    Returns
    -------
    dict of `~numpy.ndarray`
        Arrays of shape (n,), NaN if the flux is not positive: ``flux`` above the median of the
        border; ``half_light_radius`` in pixels; ``concentration``, 5 log10(r80 / r20);
        ``axis_ratio`` of the second moments of positive pixels. ``power_spectrum``, of shape
        (n, 8): log10 of the mean power in annuli of equal width in frequency.

    Notes
    -----
    Fast and robust, for the comparison of two sets; for photometry use `astro_wgan.sources`.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.wgan.image_statistics import measure_image_statistics
    >>> y, x = np.indices((64, 64)) - 31.5
    >>> disk = np.exp(-0.5 * (x**2 + (2 * y) ** 2) / 5.0**2)
    >>> properties = measure_image_statistics(disk[np.newaxis])
    >>> properties['axis_ratio'].round(2)
    array([0.5])
    """
    images = np.asarray(images, dtype=np.float64)
    ny, nx = images.shape[1:]
    y, x = np.indices((ny, nx)) - np.array([(ny - 1) / 2, (nx - 1) / 2])[:, None, None]
    images = images - _sky(images)
    radius = np.hypot(y, x)
    inside = radius <= _APERTURE * min(ny, nx)
    found = _curve_of_growth(images[:, inside], radius[inside])
    found['axis_ratio'] = _axis_ratio(images[:, inside], y[inside], x[inside])
    found['power_spectrum'] = _power_spectrum(images)
    return found


def compare_image_statistics(real, generated):
    """
    Distances between two sets of images, by property.

    Parameters
    ----------
    real, generated : dict of `~numpy.ndarray`
        As from `measure_image_statistics`.

    Returns
    -------
    dict of float
        For each property ``ks_NAME``, the two-sample Kolmogorov-Smirnov statistic, and
        ``wasserstein_NAME``, the Wasserstein-1 distance in units of the standard deviation of
        the real images; for the power spectrum the mean over its annuli. Images without a value
        are ignored; if a set has no values the distances are 1 and infinity.
    """
    distances = {}
    for name in (*PROPERTIES, 'power_spectrum'):
        columns = [np.atleast_2d(sample[name].T) for sample in (real, generated)]
        pairs = [_distances(a, b) for a, b in zip(*columns, strict=True)]
        ks, distance = np.mean(pairs, axis=0)
        distances |= {f'ks_{name}': float(ks), f'wasserstein_{name}': float(distance)}
    return distances


def _sky(images):
    width = max(1, round(_BORDER * min(images.shape[1:])))
    border = np.ones(images.shape[1:], dtype=bool)
    border[width:-width, width:-width] = False
    return np.median(images[:, border], axis=1)[:, np.newaxis, np.newaxis]


def _curve_of_growth(pixels, radius):
    order = np.argsort(radius, kind='stable')
    grown = np.cumsum(pixels[:, order], axis=1)
    flux = grown[:, -1]
    # Noise makes the curve decrease at times; a radius is where a level is reached first.
    grown = np.maximum.accumulate(grown, axis=1)
    radii = {}
    for fraction in (0.2, 0.5, 0.8):
        first = np.argmax(grown >= fraction * flux[:, np.newaxis], axis=1)
        # The radius of the circle with the area of these pixels.
        radii[fraction] = np.sqrt((first + 1) / np.pi)
    bright = flux > 0
    concentration = 5 * np.log10(radii[0.8] / radii[0.2])
    return {
        'flux': flux,
        'half_light_radius': np.where(bright, radii[0.5], np.nan),
        'concentration': np.where(bright, concentration, np.nan),
    }


def _axis_ratio(pixels, y, x):
    weight = np.maximum(pixels, 0)
    total = weight.sum(axis=1)
    with np.errstate(invalid='ignore', divide='ignore'):
        y_mean, x_mean = weight @ y / total, weight @ x / total
        yy = weight @ (y * y) / total - y_mean**2
        xx = weight @ (x * x) / total - x_mean**2
        xy = weight @ (x * y) / total - x_mean * y_mean
        mean, half_difference = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        ratio = np.sqrt(np.maximum(mean - half_difference, 0) / (mean + half_difference))
    return np.where(pixels.sum(axis=1) > 0, ratio, np.nan)


def _power_spectrum(images):
    ny, nx = images.shape[1:]
    power = np.abs(np.fft.rfft2(images)) ** 2 / (ny * nx)
    frequency = np.hypot(np.fft.fftfreq(ny)[:, np.newaxis], np.fft.rfftfreq(nx))
    annulus = np.minimum((frequency / 0.5 * _POWER_BINS).astype(int), _POWER_BINS)
    means = np.stack([power[:, annulus == k].mean(axis=1) for k in range(_POWER_BINS)], axis=1)
    floor = _POWER_FLOOR * means.mean(axis=1, keepdims=True) + np.finfo(float).tiny
    return np.log10(means + floor)


def _distances(real, generated):
    real, generated = real[np.isfinite(real)], generated[np.isfinite(generated)]
    if not len(real) or not len(generated):
        return 1.0, np.inf
    sigma = real.std()
    distance = wasserstein_distance(real, generated)
    return ks_2samp(real, generated).statistic, distance / sigma if sigma > 0 else distance
