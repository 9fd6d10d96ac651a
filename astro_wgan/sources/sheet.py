"""SEP on many stamps in one call: the stamps lie on a sheet, with masked lines between them."""

import numpy as np
import sep

from astro_wgan.sources.cleaning import near_pairs, wings_of
from astro_wgan.stamps.detection import PYRAMID, DetectionError

__all__ = ['extract_stack']


def extract_stack(above_sky, noise, bad, detection):
    """
    Detect and deblend the sources of each image of a stack.

    Parameters
    ----------
    above_sky : `~numpy.ndarray` of float32, shape (n, ny, nx)
        Images without background.
    noise : `~numpy.ndarray` of float32, shape (n, ny, nx) or (n, 1, 1)
        Standard deviation of the pixels.
    bad : `~numpy.ndarray` of bool, shape (n, ny, nx), or None
        True where pixels cannot be used; None where all can.
    detection : `~astro_wgan.stamps.Detection`
        Threshold and deblending.

    Returns
    -------
    stamp : `~numpy.ndarray` of int, shape (m,)
        The image of each source, ascending.
    sources : `~numpy.ndarray`, shape (m,)
        SEP's structured array, with positions in the image.
    labels : `~numpy.ndarray` of int32, shape (n, ny, nx)
        0 for sky, 1 and more for the sources of each image. Pixels of a source that was cleaned
        away belong to the one that it was a wing of.

    Raises
    ------
    DetectionError
        If SEP gives up on one of the images.

    Notes
    -----
    A call of SEP costs as much as what it does in a stamp, hence one for many. The masked lines
    keep sources apart; only SEP's cleaning would look beyond them, hence one of our own.
    """
    n, ny, nx = above_sky.shape
    sheet = _Sheet(above_sky, noise, bad)
    sources, labels = _extract(sheet, detection, room=(ny + 2) * (nx + 2))
    stamp = (sources['ymin'] - 1) // (ny + 1)
    for name in ('', 'min', 'max', 'peak', 'cpeak'):
        sources[f'x{name}'] -= 1
        sources[f'y{name}'] -= stamp * (ny + 1) + 1
    place = np.flatnonzero(labels)
    owner = labels.ravel()[place] - 1
    wing_of = np.full(len(sources), -1)
    if detection.clean is not None:
        wing_of = _wings(sheet, sources, stamp, place, owner, detection)
    keep = wing_of < 0
    new = np.cumsum(keep) - 1
    new[~keep] = new[wing_of[~keep]]
    stamp, sources = stamp[keep], sources[keep]
    first = np.searchsorted(stamp, stamp)
    labels.reshape(-1)[place] = (np.arange(1, len(stamp) + 1) - first)[new[owner]]
    return stamp, sources, labels[1:, 1:].reshape(n, ny + 1, nx)[:, :ny]


class _Sheet:
    """Images on top of each other, with a masked line before and a masked column beside each."""

    def __init__(self, above_sky, noise, bad):
        n, ny, nx = above_sky.shape
        shape = (1 + n * (ny + 1), 1 + nx)
        self.pixels = np.zeros(shape, dtype=np.float32)
        # SEP does not look at the mask in the first line, but nothing rises above this noise.
        self.noise = np.full(shape, 1e30, dtype=np.float32)
        self.bad = np.ones(shape, dtype=bool)
        for sheet, stack in ((self.pixels, above_sky), (self.noise, noise), (self.bad, bad)):
            images = sheet[1:, 1:].reshape(n, ny + 1, nx)[:, :ny]
            images[...] = False if stack is None else stack


def _extract(sheet, detection, *, room):
    former = sep.get_extract_pixstack()
    # Sources end at the line after their image, so no more pixels than its own wait at a time.
    sep.set_extract_pixstack(room)
    try:
        return sep.extract(
            sheet.pixels,
            detection.threshold,
            err=sheet.noise,
            mask=sheet.bad,
            minarea=detection.minimum_area,
            filter_kernel=PYRAMID if detection.smooth else None,
            filter_type='conv',
            deblend_nthresh=detection.deblend_levels,
            deblend_cont=detection.deblend_contrast,
            clean=False,
            segmentation_map=True,
        )
    except Exception as error:  # SEP has no class of its own for them
        raise DetectionError(
            f'SEP gave up at {detection.threshold:g} sigma: {error} Raise `threshold`, or lower '
            '`deblend_levels`.'
        ) from error
    finally:
        sep.set_extract_pixstack(former)


def _wings(sheet, sources, stamp, place, owner, detection):
    """For each source the index of the one that it is a wing of, or -1."""
    pairs = bright, faint = near_pairs(sources, stamp)
    in_pairs = np.zeros(len(sources), dtype=bool)
    in_pairs[bright] = in_pairs[faint] = True
    matters = in_pairs[owner]
    place, owner = place[matters], owner[matters]
    values = sheet.pixels.ravel()[place]
    half_peak = (sources['thresh'] + sources['peak']) / 2
    half_peak_area = np.bincount(owner[values > half_peak[owner]], minlength=len(sources))
    smoothed = _smoothed(sheet.pixels, place) if detection.smooth else values
    above = smoothed - detection.threshold * sheet.noise.ravel()[place]
    excess = _nth_largest(above, owner, len(sources), detection.minimum_area)
    return wings_of(sources, pairs, excess, half_peak_area, detection.clean)


def _smoothed(pixels, place):
    """The smoothed image at some places; the lines between the images are their empty edges."""
    width = pixels.shape[1]
    # The last image has no line after it.
    flat = np.append(pixels, np.zeros(width + 1, dtype=np.float32))
    weights = PYRAMID / PYRAMID.sum()
    return sum(
        weights[row, column] * flat[place + (row - 1) * width + column - 1]
        for row in range(3)
        for column in range(3)
    )


def _nth_largest(values, owner, count, nth):
    """The n-th largest value of each owner; -inf where it has fewer."""
    order = np.lexsort((-values, owner))
    sizes = np.bincount(owner, minlength=count)
    first = np.cumsum(sizes) - sizes
    found = np.full(count, -np.inf)
    enough = sizes >= nth
    found[enough] = values[order[first[enough] + nth - 1]]
    return found
