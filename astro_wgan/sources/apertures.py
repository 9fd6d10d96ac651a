"""Kron photometry and half-light radii of many sources at once, as in SExtractor."""

from functools import lru_cache

import numpy as np
import sep

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.sep_detection import extract_sources, smoothed
from astro_wgan.sources.flags import SourceFlag
from astro_wgan.sources.segmentation import labels_in_stamp

__all__ = [
    'KRON_FACTOR',
    'MINIMUM_KRON_RADIUS',
    'as_ellipses',
    'flag_apertures',
    'measure_apertures',
    'measure_fixed_apertures',
    'owner_labels',
]

#: SExtractor's PHOT_AUTOPARAMS.
KRON_FACTOR = 2.5
MINIMUM_KRON_RADIUS = 3.5

#: SExtractor measures the Kron radius within six times the ellipse of the second moments.
_SEARCH = 6.0

#: ... and samples the curve of growth in this many steps.
_STEPS = 64

#: Most sources have half of their light within this many steps.
_FIRST_STEP = 16

#: Sources are crowded if neighbors cover a larger fraction of the aperture.
_CROWDED = 0.1

#: Ratio of consecutive window sizes. Few sizes mean few calls of SEP.
_WINDOW_STEP = 1.3
_SMALLEST_WINDOW = 10

#: Stamps that are smoothed together, to stay in the cache.
_SMOOTHED_AT_ONCE = 16

#: Pixels of the windows that are measured together.
_PIXELS_AT_ONCE = 2**20


def measure_apertures(found, detection):
    """
    Measure Kron fluxes and half-light radii.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        Detected sources and images.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (m,)
        ``kron_flux``, ``kron_flux_err``, ``kron_radius`` (2.5 times the Kron radius in semi-major
        axes), ``half_light_radius`` and ``flags`` (those of apertures).

    Notes
    -----
    As in SExtractor (Bertin & Arnouts 1996, A&AS 117, 393) with MASK_TYPE CORRECT: pixels of
    neighbors are ignored in the Kron radius, and replaced by those on the opposite side of the
    source in the fluxes. So are groups of pixels above the threshold that are too small to be a
    source.

    Each source is copied to a window wide enough for its apertures, and the windows are stacked
    into one image, so that SEP measures hundreds of sources in one call.
    """
    catalog = found.catalog
    m = len(catalog)
    columns = {
        name: np.full(m, np.nan)
        for name in ('kron_flux', 'kron_flux_err', 'kron_radius', 'half_light_radius')
    }
    columns['flags'] = np.zeros(m, dtype=np.int16)
    # A window of this size covers the whole stamp.
    largest = max(found.labels.shape[1:]) + 2
    half = np.minimum(np.ceil(_SEARCH * catalog['a']) + 3, largest)
    owner = owner_labels(found, detection)
    waiting = np.arange(m)
    while waiting.size:
        late = []
        for rows, size in _groups(half, waiting, largest):
            windows = _Windows(found, owner, rows, size)
            radius, flags = _kron_radius(windows)
            for name, values in _measure_windows(windows, radius, flags).items():
                columns[name][rows] = values
            # Few Kron apertures are wider than the search ellipse: repeat them in wider windows.
            reach = np.minimum(np.ceil(radius * windows.a) + 3, largest)
            cut = reach > size
            half[rows[cut]] = reach[cut]
            late.append(rows[cut])
        waiting = np.concatenate(late)
    return columns


def flag_apertures(found, detection, columns):
    """
    Flags of apertures that were measured by another engine.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        Detected sources and images.
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.
    columns : dict of `~numpy.ndarray`, each of shape (m,)
        ``x``, ``y``, ``semimajor_axis``, ``semiminor_axis`` (pixels), ``orientation`` (degrees),
        ``kron_radius`` and ``half_light_radius``.

    Returns
    -------
    `~numpy.ndarray` of int16, shape (m,)
        The same flags as from `measure_apertures`.
    """
    found = found._replace(catalog=as_ellipses(columns))
    radius = columns['kron_radius']
    shaped = _has_aperture(found.catalog, radius)
    flags = np.where(shaped, 0, int(SourceFlag.NO_KRON_RADIUS)).astype(np.int16)
    flags[~np.isfinite(columns['half_light_radius'])] |= int(SourceFlag.NO_HALF_LIGHT_RADIUS)
    owner = owner_labels(found, detection)
    for rows, windows in _windows_of_apertures(found, owner, radius, np.flatnonzero(shaped)):
        flags[rows] |= _kron_radius(windows)[1].astype(np.int16)
        flags[rows] |= _aperture_flags(windows, radius[rows]).astype(np.int16)
    return flags


def measure_fixed_apertures(band, owner, radius):
    """
    Measure fluxes and half-light radii in another image of the sources, in the same apertures.

    Parameters
    ----------
    band : `~astro_wgan.sources.segmentation.FoundSources`
        The sources with other images than those in which they were detected; its catalog is from
        `as_ellipses`.
    owner : `~numpy.ndarray`
        `owner_labels` of the detection.
    radius : `~numpy.ndarray`, shape (m,)
        Semi-major axes of the apertures in units of those of the sources.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (m,)
        ``kron_flux``, ``kron_flux_err``, ``half_light_radius`` (NaN without aperture) and
        ``flags`` (those of apertures).
    """
    columns = {
        name: np.full(len(radius), np.nan)
        for name in ('kron_flux', 'kron_flux_err', 'half_light_radius')
    }
    shaped = _has_aperture(band.catalog, radius)
    columns['flags'] = np.where(shaped, 0, int(SourceFlag.NO_KRON_RADIUS)).astype(np.int16)
    for rows, windows in _windows_of_apertures(band, owner, radius, np.flatnonzero(shaped)):
        measured = _measure_windows(windows, radius[rows], np.zeros(len(rows), dtype=int))
        for name, values in measured.items():
            if name in columns:
                columns[name][rows] = values
    return columns


def as_ellipses(columns):
    """Shapes of sources, from columns of a table of sources, as a catalog with names of SEP."""
    names = {'x': 'x', 'y': 'y', 'a': 'semimajor_axis', 'b': 'semiminor_axis'}
    sources = np.zeros(len(columns['x']), dtype=[(name, float) for name in (*names, 'theta')])
    for name, column in names.items():
        sources[name] = columns[column]
    sources['theta'] = np.radians(columns['orientation'])
    return sources


def _has_aperture(ellipses, radius):
    shaped = np.isfinite([ellipses[name] for name in ellipses.dtype.names]).all(axis=0)
    return shaped & np.isfinite(radius) & (ellipses['b'] > 0)


def _windows_of_apertures(found, owner, radius, rows):
    """Yield sources and windows as wide as their apertures and the search for the Kron radius."""
    largest = max(found.labels.shape[1:]) + 2
    half = np.zeros(len(radius))
    widest = np.maximum(radius[rows], _SEARCH) * found.catalog['a'][rows]
    half[rows] = np.minimum(np.ceil(widest) + 3, largest)
    for members, size in _groups(half, rows, largest):
        yield members, _Windows(found, owner, members, size)


def owner_labels(found, detection):
    """Labels, with -1 for groups of pixels above the threshold too small to be a source."""
    # Half the memory if there are not too many sources.
    narrow = found.labels.max(initial=0) < 2**15
    owner = found.labels.astype(np.int16 if narrow else np.int32)
    for start in range(0, len(owner), _SMOOTHED_AT_ONCE):
        rows = slice(start, start + _SMOOTHED_AT_ONCE)
        images = found.above_sky[rows]
        images = smoothed(images) if detection.smooth else images
        stray = (images > detection.threshold * found.noise[rows]) & (owner[rows] == 0)
        for k in np.flatnonzero(np.count_nonzero(stray, axis=(1, 2)) >= detection.min_area):
            # Large groups were removed by cleaning: they are wings of the sources around.
            stray[k] &= _groups_of_pixels(stray[k], detection.min_area) == 0
        owner[rows][stray] = -1
    return owner


def _groups_of_pixels(image, min_area):
    """Label connected groups of at least ``min_area`` pixels."""
    image = image.astype(np.float32)
    return extract_sources(image, None, np.float32(1), _detection_of_groups(min_area))[1]


@lru_cache(maxsize=8)
def _detection_of_groups(min_area):
    # Once for many stamps: to validate a configuration takes as long as to label one.
    return DetectionConfig(
        threshold=0.5, min_area=min_area, smooth=False, deblend_contrast=1, clean=None
    )


def _groups(half, rows, largest):
    """Yield sources with windows of about the same size, and that size."""
    steps = np.log(np.maximum(half[rows], _SMALLEST_WINDOW) / _SMALLEST_WINDOW)
    steps = np.ceil(steps / np.log(_WINDOW_STEP) - 1e-9).astype(int)
    for step in np.unique(steps):
        members = rows[steps == step]
        size = min(int(np.ceil(_SMALLEST_WINDOW * _WINDOW_STEP**step)), largest)
        at_once = max(1, _PIXELS_AT_ONCE // (2 * size + 1) ** 2)
        for start in range(0, len(members), at_once):
            yield members[start : start + at_once], size


class _Windows:
    """
    Square windows around sources, stacked into one image.

    Pixels of a window outside of the stamp have neither flux nor noise. Pixels of other sources,
    and unusable ones, are ``blank``: zero until they are replaced by `mirror`.
    """

    def __init__(self, found, owner, rows, half):
        sources = found.catalog[rows]
        self.width = width = 2 * half + 1
        self.a, self.b = sources['a'].astype(float), sources['b'].astype(float)
        # A right angle rounded to float32 may exceed the range that SEP accepts.
        self.theta = np.clip(sources['theta'].astype(float), -np.pi / 2, np.pi / 2)
        left = np.rint(sources['x']).astype(int) - half
        low = np.rint(sources['y']).astype(int) - half
        self.x_inside, self.y_inside = sources['x'] - left, sources['y'] - low
        self.x = self.x_inside
        self.y = self.y_inside + width * np.arange(len(rows))
        self.margin = self._margins(sources, found.labels.shape[1:])
        shape = (len(rows), width, width)
        self.flux = np.zeros(shape, dtype=np.float32)
        self.noise = np.zeros(shape, dtype=np.float32)
        other = np.zeros(shape, dtype=owner.dtype)
        bad = None if found.bad is None else np.zeros(shape, dtype=bool)
        places = zip(*(part.tolist() for part in (found.stamp[rows], low, left)), strict=True)
        ny, nx = found.labels.shape[1:]
        for k, (row, y, x) in enumerate(places):
            part = (row, slice(max(y, 0), y + width), slice(max(x, 0), x + width))
            place = (k, slice(max(-y, 0), ny - y), slice(max(-x, 0), nx - x))
            self.flux[place] = found.above_sky[part]
            self.noise[place] = found.noise[part]
            other[place] = owner[part]
            if bad is not None:
                bad[place] = found.bad[part]
        own = labels_in_stamp(found.stamp)[rows].astype(owner.dtype)
        blank = (other != 0) & (other != own[:, np.newaxis, np.newaxis])
        if bad is not None:
            blank |= bad
        k, inside = np.divmod(np.flatnonzero(blank), width * width)
        self.blank = k, *np.divmod(inside, width)
        self.is_bad = np.zeros(len(self.blank[0]), dtype=bool) if bad is None else bad[self.blank]
        self.flux[self.blank] = 0
        if bad is not None:
            self.noise[bad] = 0
        self._is_blank = blank

    @staticmethod
    def _margins(sources, shape):
        """Distances of the center from the edges of the stamp: left, right, low, high."""
        ny, nx = shape
        x, y = sources['x'], sources['y']
        return np.stack([x + 0.5, nx - 0.5 - x, y + 0.5, ny - 0.5 - y])

    @property
    def image(self):
        """All windows as one image."""
        return self.flux.reshape(-1, self.width)

    @property
    def noise_image(self):
        return self.noise.reshape(-1, self.width)

    @property
    def ellipses(self):
        """Positions and shapes, as arguments of SEP."""
        return self.x, self.y, self.a, self.b, self.theta

    def mirror(self):
        """Replace blank pixels by those opposite the center, unless these are blank, too."""
        k, y, x = self.blank
        opposite_y = _opposite(self.y_inside)[k] - y
        opposite_x = _opposite(self.x_inside)[k] - x
        width = self.width
        inside = (opposite_y >= 0) & (opposite_y < width)
        inside &= (opposite_x >= 0) & (opposite_x < width)
        source = ((k * width + opposite_y) * width + opposite_x)[inside]
        place = ((k * width + y) * width + x)[inside]
        good = ~self._is_blank.ravel()[source]
        for image in (self.flux.reshape(-1), self.noise.reshape(-1)):
            image[place[good]] = image[source[good]]


def _opposite(center):
    """Sum of the indices of two pixels opposite each other about the center."""
    return np.floor(2 * center + 0.49999).astype(int)


def _kron_radius(windows):
    mean, _ = sep.kron_radius(windows.image, *windows.ellipses, _SEARCH)
    flags = np.where(mean > 0, 0, int(SourceFlag.NO_KRON_RADIUS))
    return np.maximum(KRON_FACTOR * mean, MINIMUM_KRON_RADIUS), flags


def _measure_windows(windows, radius, flags):
    flags = flags | _aperture_flags(windows, radius)
    windows.mirror()
    # Without subpixels, as in SExtractor's ellipses.
    flux, error, _ = sep.sum_ellipse(
        windows.image, *windows.ellipses, radius, err=windows.noise_image, subpix=1
    )
    half_light, reached = _half_light_radius(windows, flux)
    return {
        'kron_flux': flux,
        'kron_flux_err': error,
        'kron_radius': radius,
        'half_light_radius': half_light,
        'flags': flags | np.where(reached, 0, int(SourceFlag.NO_HALF_LIGHT_RADIUS)),
    }


def _aperture_flags(windows, radius):
    a, b, theta = radius * windows.a, radius * windows.b, windows.theta
    across = np.hypot(a * np.cos(theta), b * np.sin(theta))
    along = np.hypot(a * np.sin(theta), b * np.cos(theta))
    left, right, low, high = windows.margin
    leaves = (across > np.minimum(left, right)) | (along > np.minimum(low, high))
    k, y, x = windows.blank
    dx, dy = x - windows.x_inside[k], y - windows.y_inside[k]
    major = (dx * np.cos(theta[k]) + dy * np.sin(theta[k])) / a[k]
    minor = (dy * np.cos(theta[k]) - dx * np.sin(theta[k])) / b[k]
    inside = major**2 + minor**2 <= 1
    masked = np.bincount(k[inside & windows.is_bad], minlength=len(a))
    neighbors = np.bincount(k[inside & ~windows.is_bad], minlength=len(a))
    return (
        np.where(leaves, int(SourceFlag.APERTURE_TRUNCATED), 0)
        | np.where(masked > 0, int(SourceFlag.MASKED), 0)
        | np.where(neighbors > _CROWDED * np.pi * a * b, int(SourceFlag.CROWDED), 0)
    )


def _half_light_radius(windows, flux):
    """Radius of the circle with half of the flux, and whether the curve of growth reaches it."""
    step = _SEARCH * windows.a / _STEPS
    half = 0.5 * flux
    # The curve of growth crosses half of the flux between these steps.
    inner, outer = np.zeros(len(flux)), np.full(len(flux), float(_FIRST_STEP))
    inside, outside = np.zeros(len(flux)), _light(windows, outer * step)
    while True:
        short = np.flatnonzero((outside < half) & (outer < _STEPS))
        if not short.size:
            break
        inner[short], inside[short] = outer[short], outside[short]
        outer[short] *= 2
        outside[short] = _light(windows, (outer * step)[short], short)
    reached = (flux > 0) & (outside >= half)
    while True:
        wide = np.flatnonzero(reached & (outer - inner > 1))
        if not wide.size:
            break
        middle = (inner[wide] + outer[wide]) // 2
        light = _light(windows, middle * step[wide], wide)
        enough = light >= half[wide]
        outer[wide[enough]], outside[wide[enough]] = middle[enough], light[enough]
        inner[wide[~enough]], inside[wide[~enough]] = middle[~enough], light[~enough]
    between = np.divide(half - inside, outside - inside, where=reached, out=np.ones(len(flux)))
    radius = step * (inner + between * (outer - inner))
    return np.where(flux > 0, radius, np.nan), reached


def _light(windows, radius, rows=slice(None)):
    """Flux in circular apertures."""
    total, _, _ = sep.sum_circle(windows.image, windows.x[rows], windows.y[rows], radius, subpix=5)
    return total
