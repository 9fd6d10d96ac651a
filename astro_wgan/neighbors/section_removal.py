"""`SearchedSection`: pixels of neighbors and stars in windows of a section of an image."""

from typing import NamedTuple

import numpy as np

from astro_wgan.detection.engines import label_sources
from astro_wgan.neighbors.central_source import CENTRAL_REACH, central_label
from astro_wgan.neighbors.neighbor_config import NeighborConfig
from astro_wgan.neighbors.point_sources import find_peaks, find_stars
from astro_wgan.neighbors.saturated_stars import bright_tops, find_saturated, saturation_level
from astro_wgan.neighbors.sky_patches import draw_sky
from astro_wgan.neighbors.source_extent import extended_labels
from astro_wgan.neighbors.star_halos import window_at

__all__ = ['RemovedPixels', 'SearchedSection']

#: Columns of a table of stamps, and their data types.
_COLUMNS = {'n_neighbors': int, 'neighbor_fraction': float, 'central_detected': bool}
_STAR_COLUMNS = {'n_stars': int, 'star_fraction': float, 'central_star': bool}

#: Distance, in widths of the PSF, within which a star is the center of the central source.
_SAME = 0.7

#: Default of the fraction of the edge up to which sky is taken from outside of the stamp.
_AROUND = 0.5


class RemovedPixels(NamedTuple):
    """
    Pixels of n windows that are masked or replaced.

    Attributes
    ----------
    hidden : `~numpy.ndarray` of bool, shape (n, ny, nx), or list of `~numpy.ndarray`
        True for pixels to mask; a list for windows of different shapes.
    sky : list of tuple of `~numpy.ndarray`, each of shape (m, 2)
        For each window, rows and columns of pixels to replace, in the window; and those of the
        pixels of the sky in their place, in the image.
    columns : dict of `~numpy.ndarray`, each of shape (n,)
        Columns for the table of the stamps.
    """

    hidden: np.ndarray | list
    sky: list
    columns: dict

    @classmethod
    def none(cls, windows, config):
        """Nothing is removed from windows."""
        n = len(windows)
        kinds = _COLUMNS | (_STAR_COLUMNS if config.stars == 'mask' else {})
        columns = {name: np.zeros(n, dtype=kind) for name, kind in kinds.items()}
        nothing = np.zeros((0, 2), dtype=int)
        shapes = set(map(tuple, windows.shape.tolist()))
        if len(shapes) > 1:
            hidden = [np.zeros(shape, dtype=bool) for shape in windows.shape]
        else:
            hidden = np.zeros((n, *(shapes.pop() if shapes else (0, 0))), dtype=bool)
        return cls(hidden, [(nothing, nothing)] * n, columns)

    def __getitem__(self, rows):
        """What is removed from some windows, of one shape."""
        hidden = self.hidden
        hidden = np.stack([hidden[k] for k in rows]) if isinstance(hidden, list) else hidden[rows]
        sky = [self.sky[k] for k in rows]
        return RemovedPixels(hidden, sky, {n: column[rows] for n, column in self.columns.items()})

    def in_stamps(self, corner):
        """The same for sky in the windows: its rows and columns are those of the window."""
        sky = [
            (places, there - at[::-1]) for (places, there), at in zip(self.sky, corner, strict=True)
        ]
        return self._replace(sky=sky)

    def assign(self, rows, others):
        """Write what is removed from some windows into their rows."""
        for row, hidden, pair in zip(rows, others.hidden, others.sky, strict=True):
            self.hidden[row], self.sky[row] = hidden, pair
        for name, column in self.columns.items():
            column[rows] = others.columns[name]


class SearchedSection(NamedTuple):
    """
    Sources of a section of an image.

    Attributes
    ----------
    labels, extended : `~numpy.ndarray` of int, shape (ny, nx)
        Numbers of sources, of their detected pixels and of all that is theirs.
    bad, sky : `~numpy.ndarray` of bool, shape (ny, nx)
        True for unusable pixels, and for those of the sky.
    first : tuple of int
        First pixel ``(x, y)`` of the section in the image.
    config : `~astro_wgan.neighbors.NeighborConfig`
    peaks, stars, glare, fwhm
        If stars are masked: positions of peaks, stars as from `_all_stars`, number of the star of
        each pixel of a saturated one, and width of the PSF.
    """

    labels: np.ndarray
    extended: np.ndarray
    bad: np.ndarray
    sky: np.ndarray
    first: tuple
    config: NeighborConfig
    peaks: np.ndarray | None = None
    stars: np.ndarray | None = None
    glare: np.ndarray | None = None
    fwhm: float = 0.0

    @classmethod
    def of(cls, image, region, config, *, width=None, level=None):
        """
        Search a section.

        Parameters
        ----------
        image : `~astro_wgan.detection.detection_image.DetectionImage`
            Image in which sources are detected.
        region : `~astro_wgan.detection.detection_image.Section`
        config : `~astro_wgan.neighbors.NeighborConfig`
        width : `~astro_wgan.neighbors.point_sources.PSFWidth`, optional
            Needed for stars.
        level : float, optional
            Brightness above the sky from which stars are saturated, in the unit of the detection;
            by default that of the peaks with flat tops in the section.

        Returns
        -------
        `SearchedSection`

        Raises
        ------
        DetectionError
            If the section has no noise or is too crowded.
        """
        above_sky, bad, noise = image.above_sky(region.rows, region.columns)
        labels = label_sources(above_sky, bad, noise, image.detection, engine=config.engine)
        extended = extended_labels(labels, margin=config.margin, wings=config.wings)
        none = np.zeros(labels.shape, dtype=bool) if bad is None else bad
        found = {}
        sky = (extended == 0) & ~none
        if config.stars == 'mask':
            stars = find_stars(
                above_sky,
                noise,
                bad,
                width,
                significance=config.star_significance,
                tolerance=config.star_tolerance,
            )
            if config.saturation is not None:
                saturated = image.pixels[region.rows, region.columns] >= config.saturation
            else:
                if level is None:
                    level = saturation_level([bright_tops(above_sky, noise, bad, width.fwhm)])
                saturated = above_sky >= level
            bright = find_saturated(above_sky, noise, bad, width.fwhm, saturated)
            y, x = find_peaks(above_sky, noise, bad, significance=config.star_significance)
            found = {
                'peaks': np.stack([x, y], axis=1),
                'stars': _all_stars(stars, bright, width.fwhm),
                'glare': bright.pixels,
                'fwhm': width.fwhm,
            }
            sky &= ~_covered(found['stars'], bright.pixels)
        first = region.columns.start, region.rows.start
        return cls(labels, extended, none, sky, first, config, **found)

    def removed(self, windows, *, numbers, around=_AROUND):
        """
        What to remove from some windows.

        Parameters
        ----------
        windows : `~astro_wgan.neighbors.stamp_windows.Windows`
            Those of the stamps; the parts of windows beyond the section have no sources.
        numbers : sequence of int, shape (n,)
            Number of each stamp, which determines its random numbers.
        around : float, optional
            Sky is taken from pixels up to this fraction of the edge outside of the window.

        Returns
        -------
        `RemovedPixels`
            Of which the columns are those of the stamps.
        """
        config = self.config
        removed = RemovedPixels.none(windows, config)
        windows = windows.moved(self.first)
        for k, (at, shape) in enumerate(zip(windows.corner, windows.shape, strict=True)):
            stamp = _Stamp.of(windows, k)
            labels, extended = (_window(image, at, shape) for image in self[:2])
            central = central_label(labels, stamp.center, stamp.reach)
            others = np.unique(labels[stamp.inner])
            of_neighbors = (extended > 0) & (extended != central)
            removed.columns['n_neighbors'][k] = np.count_nonzero(others[others > 0] != central)
            removed.columns['neighbor_fraction'][k] = of_neighbors[stamp.inner].mean()
            removed.columns['central_detected'][k] = central > 0
            hidden = removed.hidden[k]
            if config.stars == 'mask':
                number, of_stars, is_star = _stars_in(self, at, stamp, labels, extended, central)
                removed.columns['n_stars'][k] = number
                removed.columns['central_star'][k] = is_star
                removed.columns['star_fraction'][k] = of_stars[stamp.inner].mean()
                hidden |= of_stars
                of_neighbors &= ~of_stars
            if config.neighbors == 'mask':
                hidden |= of_neighbors
            elif config.neighbors == 'replace':
                rng = np.random.default_rng(
                    np.random.SeedSequence(config.seed, spawn_key=(numbers[k],))
                )
                of_neighbors &= ~_window(self.bad, at, shape, outside=True)
                places, sky = _sky_for(self, at, of_neighbors, rng, around)
                removed.sky[k] = places, sky + self.first[::-1]
                # Masked where there is no sky.
                of_neighbors[tuple(places.T)] = False
                hidden |= of_neighbors
        return removed


class _Stamp(NamedTuple):
    """Center (x, y) and pixels of a stamp in its window, and how far its source is from it."""

    center: np.ndarray
    inner: tuple
    reach: float

    @classmethod
    def of(cls, windows, k):
        center = windows.center[k] - windows.corner[k]
        return cls(center, windows.inner(k), CENTRAL_REACH * windows.extent[k].min())

    def holds(self, x, y):
        """Whether a pixel of the window belongs to the stamp."""
        return all(
            part.start <= place < part.stop for part, place in zip(self.inner, (y, x), strict=True)
        )


def _all_stars(stars, saturated, fwhm):
    """Center, radius and radius of the core of saturated stars and then of others, as (m, 4)."""
    columns = [np.concatenate(pair) for pair in zip(saturated[:2], stars[:2], strict=True)]
    columns.append(np.concatenate([saturated.radius, stars.radius]))
    columns.append(np.concatenate([saturated.core + fwhm, np.full(len(stars.x), _SAME * fwhm)]))
    table = np.stack(columns, axis=1)
    alone = np.ones(len(table), dtype=bool)
    for x, y, _, core in table[: len(saturated.x)]:
        # Peaks at the border of a saturated core are no stars.
        alone[len(saturated.x) :] &= np.hypot(stars.x - x, stars.y - y) > core
    return table[alone]


def _covered(stars, glare):
    """True for pixels within the radius of a star, or in its spikes."""
    covered = glare > 0
    for x, y, radius, _ in stars:
        rows, columns = window_at(covered.shape, x, y, radius + 1)
        part = covered[rows, columns]
        row, column = np.ogrid[: part.shape[0], : part.shape[1]]
        part |= np.hypot(column + columns.start - x, row + rows.start - y) <= radius
    return covered


def _stars_in(section, at, stamp, labels, extended, central):
    """Number of stars with center in a stamp, True for their pixels, whether one is central."""
    ny, nx = labels.shape
    stars = section.stars
    nucleus = _nucleus(section, at, stamp, central)
    y, x = np.ogrid[:ny, :nx]
    from_nucleus = np.inf if nucleus is None else np.hypot(x - nucleus[0], y - nucleus[1])
    hidden = np.zeros(labels.shape, dtype=bool)
    number, is_central = 0, False
    glare = _window(section.glare, at, labels.shape)
    near = np.isin(np.arange(1, len(stars) + 1), np.unique(glare))
    reaches = np.ones(len(stars), dtype=bool)
    for position, first, length in ((stars[:, 0], at[0], nx), (stars[:, 1], at[1], ny)):
        reaches &= position + stars[:, 2] > first
        reaches &= position - stars[:, 2] < first + length
    for k in np.flatnonzero(near | reaches):
        x0, y0, radius, core = stars[k] - (*at, 0, 0)
        middle = stamp.center if nucleus is None else nucleus
        if central and np.hypot(*(middle - (x0, y0))) < core:
            is_central = True
            continue
        distance = np.hypot(x - x0, y - y0)
        # Half of what lies between a star and the center of the galaxy is the galaxy's.
        hidden |= ((distance <= radius) | (glare == k + 1)) & (distance < from_nucleus)
        row, column = round(float(y0)), round(float(x0))
        if not (0 <= row < ny and 0 <= column < nx):
            continue
        number += stamp.holds(column, row)
        own = np.unique(labels[(glare == k + 1) & (distance <= core)])
        for label in {labels[row, column], *own} - {0, central}:
            hidden |= extended == label
    return number, hidden, is_central


def _nucleus(section, at, stamp, central):
    """Position of the peak of the central source that is nearest to the center, or None."""
    if central == 0 or not len(section.peaks):
        return None
    own = section.peaks[section.labels[section.peaks[:, 1], section.peaks[:, 0]] == central] - at
    if not len(own):
        return None
    distance = np.hypot(*(own - stamp.center).T)
    nearest = np.argmin(distance)
    return own[nearest] if distance[nearest] <= stamp.reach else None


def _sky_for(section, at, target, rng, around):
    """Rows and columns of pixels in a stamp, and of pixels of the sky in the section."""
    (x0, y0), (ny, nx) = at, target.shape
    around = round(around * max(ny, nx))
    first = max(0, y0 - around), max(0, x0 - around)
    window = np.s_[first[0] : max(0, y0 + ny + around), first[1] : max(0, x0 + nx + around)]
    clean = section.sky[window]
    wide = np.zeros(clean.shape, dtype=bool)
    rows, columns = np.nonzero(target)
    shift = np.array([y0 - first[0], x0 - first[1]])
    wide[rows + shift[0], columns + shift[1]] = True
    places, sky = draw_sky(wide, clean, rng)
    return places - shift, sky + first


def _window(image, at, shape, outside=0):
    """A stamp of a section; what lies outside has one value."""
    (x0, y0), (ny, nx) = at, shape
    window = np.full(shape, outside, dtype=image.dtype)
    ys, xs = max(0, y0), max(0, x0)
    part = image[ys : max(ys, y0 + ny), xs : max(xs, x0 + nx)]
    window[ys - y0 : ys - y0 + part.shape[0], xs - x0 : xs - x0 + part.shape[1]] = part
    return window
