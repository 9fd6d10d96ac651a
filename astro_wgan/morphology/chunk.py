"""Some stamps at a time, from pixels to columns: segmentation, weight map, shape."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from astro_wgan.morphology.shape import MEASUREMENTS, Shape, measure_shape
from astro_wgan.stamps.detection import Detection, DetectionError, detect

__all__ = ['Chunk', 'Settings', 'empty_columns', 'measure_chunk']


@dataclass(frozen=True, eq=False)
class Settings:
    """
    What whoever measures must know beside the pixels; as in `measure_morphology`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    what: str = 'central'
    detection: Detection = field(default_factory=Detection)
    subtract_background: bool = True
    gain: float | None = None
    psf: np.ndarray | None = None
    sersic: bool = True
    band: int | None = None
    statmorph_options: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.what not in ('central', 'everything'):
            raise ValueError(f"`what` must be 'central' or 'everything'; got {self.what!r}.")
        if self.gain is not None and not 0 < self.gain < np.inf:
            raise ValueError(f'`gain` must be above 0; got {self.gain}.')
        taken = {'image', 'segmap', 'label', 'mask', 'weightmap', 'gain', 'psf'}
        if taken & set(self.statmorph_options):
            raise ValueError(
                f'`statmorph_options` must leave {sorted(taken)} alone; got '
                f'{sorted(self.statmorph_options)}.'
            )

    def to_dict(self):
        """Plain values, for the provenance."""
        return {
            'what': self.what,
            'detection': asdict(self.detection),
            'subtract_background': self.subtract_background,
            'gain': self.gain,
            'psf': None if self.psf is None else list(self.psf.shape),
            'sersic': self.sersic,
            'band': self.band,
            'statmorph_options': self.statmorph_options,
        }


class Chunk(NamedTuple):
    """
    Stamps of one band that are measured together.

    Attributes
    ----------
    pixels : `~numpy.ndarray`, shape (n, ny, nx)
        The images.
    mask : `~numpy.ndarray` of bool, shape (n, ny, nx)
        True where a pixel must not be used.
    uncertainty : `~numpy.ndarray`, shape (n, ny, nx), or None
        Standard deviation of each pixel.
    labels : `~numpy.ndarray` of int, shape (n, ny, nx), or None
        Sources, where they are known.
    """

    pixels: np.ndarray
    mask: np.ndarray
    uncertainty: np.ndarray | None = None
    labels: np.ndarray | None = None


def measure_chunk(chunk, settings):
    """
    Measure each stamp of a chunk.

    Parameters
    ----------
    chunk : `Chunk`
        The stamps.
    settings : `Settings`
        What to measure, and how.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (n,)
        A column for each of the `~astro_wgan.morphology.shape.MEASUREMENTS`, and ``flag``,
        ``flag_sersic``, ``touches_border``, ``status`` and ``warnings``.
    """
    return _columns([_measure_stamp(_row(chunk, k), settings) for k in range(len(chunk.pixels))])


def empty_columns():
    """The columns of no stamps at all."""
    return _columns([])


def _row(chunk, k):
    return Chunk(*(None if part is None else part[k] for part in chunk))


def _columns(rows):
    shapes = [shape for shape, _ in rows]
    values = np.array([shape.values for shape in shapes]).reshape(-1, len(MEASUREMENTS))
    return {
        **{measurement.name: values[:, j] for j, measurement in enumerate(MEASUREMENTS)},
        'flag': np.array([shape.flag for shape in shapes], dtype=np.int16),
        'flag_sersic': np.array([shape.flag_sersic for shape in shapes], dtype=np.int16),
        'touches_border': np.array([touches for _, touches in rows], dtype=bool),
        'status': np.array([shape.status for shape in shapes], dtype=str),
        'warnings': np.array([shape.warnings for shape in shapes], dtype=str),
    }


def _measure_stamp(stamp, settings):
    """The `Shape` in a stamp, and whether its segment touches the border."""
    noise = stamp.uncertainty
    mask = stamp.mask if noise is None else stamp.mask | ~(np.isfinite(noise) & (noise > 0))
    if mask.all():
        return Shape.failed('no pixel can be used'), False
    try:
        found = detect(stamp.pixels, mask=mask, noise=noise, detection=settings.detection)
    except DetectionError as error:
        return Shape.failed(f'no segmentation: {error}'), False
    labels = found.labels if stamp.labels is None else stamp.labels
    if not (labels > 0).any():
        return Shape.failed('no source'), False
    if settings.what == 'everything':
        labels, label = (labels > 0).astype(np.int32), 1
    else:
        label = _central_label(labels)
        if not label:
            return Shape.failed('no source in the middle'), False
    image = stamp.pixels.astype(np.float64)
    shape = measure_shape(
        image - found.background if settings.subtract_background else image,
        labels,
        label,
        mask=mask,
        noise=found.noise if noise is None and settings.gain is None else noise,
        gain=settings.gain,
        psf=settings.psf,
        sersic=settings.sersic,
        options=settings.statmorph_options,
    )
    return shape, _touches_border(labels == label)


def _touches_border(segment):
    edges = (segment[0], segment[-1], segment[:, 0], segment[:, -1])
    return any(edge.any() for edge in edges)


def _central_label(labels):
    """Label of the source whose segment comes nearest to the middle; 0 if none comes near."""
    ny, nx = labels.shape
    y, x = np.nonzero(labels > 0)
    distance = np.hypot(y - (ny - 1) / 2, x - (nx - 1) / 2)
    nearest = np.argmin(distance)
    return labels[y[nearest], x[nearest]] if distance[nearest] <= min(ny, nx) / 8 else 0
