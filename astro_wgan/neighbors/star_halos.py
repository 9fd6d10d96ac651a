"""`halo_radius`: how far the light of a star is seen, from medians in rings around it."""

import numpy as np

__all__ = ['FARTHEST', 'halo_radius', 'moffat_radius', 'noise_around', 'ring_medians', 'window_at']

#: Half of the edge of the window in which the noise around a star is measured, in pixels.
_WINDOW = 96

#: Halos are followed no farther than this, in pixels.
FARTHEST = 256.0

#: A halo ends where its median is below this fraction of the noise rms.
_VISIBLE = 0.5

#: Rings have a width of a pixel, or this fraction of their radius.
_WIDTH = 0.12


def moffat_radius(height, fwhm, *, beta, core=0.0):
    """
    Radius at which a Moffat profile falls below half of the noise rms.

    Parameters
    ----------
    height : float
        Its value at ``core``, in units of the noise rms.
    fwhm : float
        Its full width at half maximum in pixels.
    beta : float
        Its exponent.
    core : float
        Radius in pixels.

    Returns
    -------
    float
        At most 256 pixels.

    Examples
    --------
    >>> from astro_wgan.neighbors.star_halos import moffat_radius
    >>> float(moffat_radius(1.0, 4.0, beta=2.5))
    2.0
    """
    width = fwhm / 2 / np.sqrt(2 ** (1 / beta) - 1)
    at_half = max(height / _VISIBLE, 1.0) ** (1 / beta)
    square = at_half * (1 + (core / width) ** 2) - 1
    return min(width * np.sqrt(max(square, 0.0)), FARTHEST)


def ring_medians(image, bad, x, y, edges):
    """
    Median in rings around a position.

    Parameters
    ----------
    image : `~numpy.ndarray`, shape (ny, nx)
    bad : `~numpy.ndarray` of bool, shape (ny, nx), or None
        True for pixels to leave out.
    x, y : float
        Center in pixels.
    edges : `~numpy.ndarray`, shape (m + 1,)
        Radii between which the rings lie.

    Returns
    -------
    `~numpy.ndarray`, shape (m,)
        NaN for rings without usable pixels.
    """
    rows, columns = window_at(image.shape, x, y, edges[-1] + 1)
    square = (np.arange(rows.start, rows.stop)[:, np.newaxis] - y) ** 2
    square = square + (np.arange(columns.start, columns.stop) - x) ** 2
    use = (square >= edges[0] ** 2) & (square < edges[-1] ** 2)
    if bad is not None:
        use &= ~bad[rows, columns]
    ring = np.searchsorted(edges**2, square[use], side='right') - 1
    values = image[rows, columns][use]
    order = np.lexsort((values, ring))
    count = np.bincount(ring, minlength=len(edges) - 1)
    first = np.cumsum(count) - count
    medians = np.full(len(count), np.nan)
    some = count > 0
    medians[some] = values[order][(first + (count - 1) // 2)[some]]
    return medians


def window_at(shape, x, y, reach):
    """
    Window around a position.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the image.
    x, y : float
        Position in pixels.
    reach : float
        Half of the edge.

    Returns
    -------
    tuple of slice
        Rows and columns.
    """
    return tuple(
        slice(max(0, int(at - reach)), max(0, min(edge, int(at + reach) + 1)))
        for at, edge in zip((y, x), shape, strict=True)
    )


def noise_around(noise, x, y):
    """
    Noise of the sky around a star, whose own photons may add to the noise at its center.

    Parameters
    ----------
    noise : `~numpy.ndarray`, shape (ny, nx) or ()
        Standard deviation of the pixels.
    x, y : float
        Position in pixels.

    Returns
    -------
    float
    """
    if not np.ndim(noise):
        return float(noise)
    # The lower quartile, since the halo may fill half of the window.
    return float(np.percentile(noise[window_at(noise.shape, x, y, _WINDOW)], 25))


def halo_radius(image, bad, x, y, *, noise, inner, outer, on_light=False):
    """
    Radius at which the light around a star ends in the noise.

    Parameters
    ----------
    image, bad, x, y
        As in `ring_medians`.
    noise : float
        Standard deviation of the pixels.
    inner, outer : float
        Radii between which it lies.
    on_light : bool
        Whether the median of the outermost ring is that of a galaxy below the star.

    Returns
    -------
    float
        Where the median in a ring is below half of the noise; ``outer`` if it is nowhere.
    """
    if outer <= inner + 1:
        return max(inner, outer)
    edges = [inner]
    while edges[-1] < outer:
        edges.append(edges[-1] + max(1.0, _WIDTH * edges[-1]))
    edges = np.array(edges)
    medians = ring_medians(image, bad, x, y, edges)
    level = medians[-1] if on_light and np.isfinite(medians[-1]) else 0.0
    with np.errstate(invalid='ignore'):
        ends = np.flatnonzero(medians - level < _VISIBLE * noise)
    return float(min(edges[ends[0]], outer)) if len(ends) else float(outer)
