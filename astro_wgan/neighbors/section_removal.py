"""`remove_in_section`: pixels of neighbors and stars in the stamps of a section of an image."""

from typing import NamedTuple

import numpy as np

from astro_wgan.detection.engines import label_sources
from astro_wgan.neighbors.central_source import CENTRAL_REACH, central_labels
from astro_wgan.neighbors.point_sources import find_peaks, find_stars
from astro_wgan.neighbors.sky_patches import draw_sky
from astro_wgan.neighbors.source_extent import extended_labels

__all__ = ['RemovedPixels', 'remove_in_section']

#: Columns of a table of stamps, and their data types.
_COLUMNS = {'n_neighbors': int, 'neighbor_fraction': float, 'central_detected': bool}
_STAR_COLUMNS = {'n_stars': int, 'star_fraction': float}

#: Distance, in widths of the PSF, within which a star is the center of the central source.
_SAME = 0.7

#: Default of the fraction of the edge up to which sky is taken from outside of the stamp.
_AROUND = 0.5


class RemovedPixels(NamedTuple):
    """
    Pixels of n stamps that are masked or replaced.

    Attributes
    ----------
    hidden : `~numpy.ndarray` of bool, shape (n, ny, nx)
        True for pixels to mask.
    sky : list of tuple of `~numpy.ndarray`, each of shape (m, 2)
        For each stamp, rows and columns of pixels to replace, in the stamp; and those of the
        pixels of the sky in their place, in the image.
    columns : dict of `~numpy.ndarray`, each of shape (n,)
        Columns for the table of the stamps.
    """

    hidden: np.ndarray
    sky: list
    columns: dict

    @classmethod
    def none(cls, n, shape, config):
        """Nothing is removed from n stamps."""
        kinds = _COLUMNS | (_STAR_COLUMNS if config.stars == 'mask' else {})
        columns = {name: np.zeros(n, dtype=kind) for name, kind in kinds.items()}
        nothing = np.zeros((0, 2), dtype=int)
        return cls(np.zeros((n, *shape), dtype=bool), [(nothing, nothing)] * n, columns)

    def in_stamps(self, corner):
        """The same for sky that lies in the stamps: its rows and columns are those of the stamp."""
        sky = [
            (places, there - at[::-1]) for (places, there), at in zip(self.sky, corner, strict=True)
        ]
        return self._replace(sky=sky)

    def assign(self, rows, others):
        """Write what is removed from some stamps into their rows."""
        self.hidden[rows] = others.hidden
        for row, pair in zip(rows, others.sky, strict=True):
            self.sky[row] = pair
        for name, column in self.columns.items():
            column[rows] = others.columns[name]


def remove_in_section(image, region, corner, shape, config, *, width=None, numbers, around=_AROUND):
    """
    Find what to remove from the stamps in a section of an image.

    Parameters
    ----------
    image : `~astro_wgan.detection.detection_image.DetectionImage`
        Image in which sources are detected.
    region : `~astro_wgan.detection.detection_image.Section`
        Section that is searched; the parts of stamps beyond it have no sources.
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel (x, y) of each stamp in the image.
    shape : tuple of int
        ``(ny, nx)`` of the stamps.
    config : `~astro_wgan.neighbors.NeighborConfig`
    width : `~astro_wgan.neighbors.point_sources.PSFWidth`, optional
        Needed for stars.
    numbers : sequence of int, shape (n,)
        Number of each stamp, which determines its random numbers.
    around : float, optional
        Sky is taken from pixels up to this fraction of the edge outside of the stamp.

    Returns
    -------
    `RemovedPixels`

    Raises
    ------
    DetectionError
        If the section has no noise or is too crowded.
    """
    section = _Searched.of(image, region, config, width)
    removed = RemovedPixels.none(len(corner), shape, config)
    corner = corner - (region.columns.start, region.rows.start)
    labels = np.stack([_window(section.labels, at, shape) for at in corner])
    central = central_labels(labels)
    for k, at in enumerate(corner):
        extended = _window(section.extended, at, shape)
        others = np.unique(labels[k])
        of_neighbors = (extended > 0) & (extended != central[k])
        removed.columns['n_neighbors'][k] = np.count_nonzero(others[others > 0] != central[k])
        removed.columns['neighbor_fraction'][k] = of_neighbors.mean()
        removed.columns['central_detected'][k] = central[k] > 0
        if config.stars == 'mask':
            number, of_stars = _stars_in(section, at, shape, labels[k], extended, central[k])
            removed.columns['n_stars'][k] = number
            removed.columns['star_fraction'][k] = of_stars.mean()
            removed.hidden[k] = of_stars
            of_neighbors &= ~of_stars
        if config.neighbors == 'mask':
            removed.hidden[k] |= of_neighbors
        elif config.neighbors == 'replace':
            rng = np.random.default_rng(
                np.random.SeedSequence(config.seed, spawn_key=(numbers[k],))
            )
            of_neighbors &= ~_window(section.bad, at, shape, outside=True)
            places, sky = _sky_for(section, at, of_neighbors, rng, around)
            removed.sky[k] = places, sky + (region.rows.start, region.columns.start)
            # Masked where there is no sky.
            of_neighbors[tuple(places.T)] = False
            removed.hidden[k] |= of_neighbors
    return removed


class _Searched(NamedTuple):
    """Sources of a section."""

    labels: np.ndarray
    extended: np.ndarray
    bad: np.ndarray
    sky: np.ndarray
    peaks: np.ndarray | None = None
    stars: object = None
    fwhm: float = 0.0

    @classmethod
    def of(cls, image, region, config, width):
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
            y, x = find_peaks(above_sky, noise, bad, significance=config.star_significance)
            found = {'peaks': np.stack([x, y], axis=1), 'stars': stars, 'fwhm': width.fwhm}
        return cls(labels, extended, none, sky, **found)


def _stars_in(section, at, shape, labels, extended, central):
    """Number of stars with their center in a stamp, and True for pixels of stars."""
    ny, nx = shape
    stars = section.stars
    nucleus = _nucleus(section, at, shape, central)
    y, x = np.ogrid[:ny, :nx]
    from_nucleus = np.inf if nucleus is None else np.hypot(x - nucleus[0], y - nucleus[1])
    hidden = np.zeros(shape, dtype=bool)
    number = 0
    near = np.ones(len(stars.x), dtype=bool)
    for position, first, length in ((stars.x, at[0], nx), (stars.y, at[1], ny)):
        near &= (position + stars.radius > first) & (position - stars.radius < first + length)
    for k in np.flatnonzero(near):
        x0, y0 = stars.x[k] - at[0], stars.y[k] - at[1]
        if nucleus is not None and np.hypot(*(nucleus - (x0, y0))) < _SAME * section.fwhm:
            continue
        distance = np.hypot(x - x0, y - y0)
        # Half of what lies between a star and the center of the galaxy is the galaxy's.
        hidden |= (distance <= stars.radius[k]) & (distance < from_nucleus)
        row, column = round(float(y0)), round(float(x0))
        if not (0 <= row < ny and 0 <= column < nx):
            continue
        number += 1
        label = labels[row, column]
        if label not in (0, central):
            hidden |= extended == label
    return number, hidden


def _nucleus(section, at, shape, central):
    """Position of the peak of the central source that is nearest to the center, or None."""
    ny, nx = shape
    center = np.array([(nx - 1) / 2, (ny - 1) / 2])
    if central == 0 or not len(section.peaks):
        return None
    own = section.peaks[section.labels[section.peaks[:, 1], section.peaks[:, 0]] == central] - at
    if not len(own):
        return None
    distance = np.hypot(*(own - center).T)
    nearest = np.argmin(distance)
    return own[nearest] if distance[nearest] <= CENTRAL_REACH * min(shape) else None


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
