"""`measure_chunk`: segmentation, weight maps and shapes of several stamps."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.morphology.shape import MEASUREMENTS, Shape, measure_shape
from astro_wgan.neighbors.central_source import central_labels
from astro_wgan.sources.batch import Batch
from astro_wgan.sources.filled_stamps import is_filled
from astro_wgan.sources.segmentation import find_sources

__all__ = ['Chunk', 'Settings', 'empty_columns', 'measure_chunk']

#: Values of ``status`` of stamps without measured background and noise.
_UNUSABLE = ('no pixel can be used', 'the background has no noise')

_IS_FLUX = np.array([measurement.kind in ('flux', 'sum') for measurement in MEASUREMENTS])


@dataclass(frozen=True, eq=False)
class Settings:
    """
    Settings of `~astro_wgan.morphology.measure_morphology`.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    target: str = 'central'
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    subtract_background: bool = True
    gain: float | None = None
    psf: np.ndarray | None = None
    sersic: bool = True
    band: int | None = None
    statmorph_options: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.target not in ('central', 'all'):
            raise ValueError(f"`target` must be 'central' or 'all'; got {self.target!r}.")
        if self.gain is not None and not 0 < self.gain < np.inf:
            raise ValueError(f'`gain` must be above 0; got {self.gain}.')

    def to_dict(self):
        """Plain values, for the provenance."""
        return {
            'target': self.target,
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
    Stamps that are measured together by one process.

    Attributes
    ----------
    batch : `~astro_wgan.sources.batch.Batch`
        Pixels, mask and noise of one band.
    labels : `~numpy.ndarray` of int, shape (n, ny, nx), or None
        Segmentation images, if given.
    """

    batch: Batch
    labels: np.ndarray | None = None


def measure_chunk(chunk, settings):
    """
    Measure each stamp of a chunk.

    Parameters
    ----------
    chunk : `Chunk`
        The stamps.
    settings : `Settings`
        Settings of the measurement.

    Returns
    -------
    dict of `~numpy.ndarray`, each of shape (n,)
        A column for each of the `~astro_wgan.morphology.shape.MEASUREMENTS`, and ``flag``,
        ``flag_sersic``, ``touches_border``, ``status``, ``warnings`` and ``stamp_filled``.
    """
    found = find_sources(chunk.batch, settings.detection)
    if chunk.labels is not None:
        found = _with_labels(found, chunk.labels)
    rows = range(len(found.labels))
    columns = _columns([_measure_stamp(found, k, chunk.batch, settings) for k in rows])
    columns['stamp_filled'] = _is_filled(found, chunk.batch, settings, columns)
    return columns


def empty_columns():
    """Columns without rows."""
    return {**_columns([]), 'stamp_filled': np.zeros(0, dtype=bool)}


def _with_labels(found, labels):
    """Use the given segmentation images, except for stamps without usable pixels."""
    unusable = np.isin(found.status, _UNUSABLE)
    labels = np.where(unusable[:, np.newaxis, np.newaxis], 0, labels).astype(np.int32)
    central = central_labels(labels)
    status = np.select(
        [unusable, ~labels.any(axis=(1, 2)), central == 0],
        [found.status, 'no source', 'no source in the middle'],
        'measured',
    )
    return found._replace(labels=labels, central=central, status=status)


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


def _is_filled(found, batch, settings, columns):
    """Whether light of the galaxy was subtracted as background."""
    if not settings.subtract_background:
        return np.zeros(len(found.labels), dtype=bool)
    flux = columns['petrosian_flux'] / batch.scales
    # statmorph measures the flux within twice the Petrosian radius.
    area = np.pi * (2 * columns['petrosian_radius']) ** 2 * columns['axis_ratio']
    rows = np.arange(len(found.labels))
    return is_filled(found, batch, settings.detection, rows, flux, np.nan_to_num(area))


def _measure_stamp(found, k, batch, settings):
    """The `Shape` of the galaxy in a stamp, and whether its segment touches the border."""
    labels, label = found.labels[k], found.central[k]
    if settings.target == 'all':
        labels, label = (labels > 0).astype(np.int32), int(labels.any())
    if not label:
        return Shape.failed(str(found.status[k])), False
    mask = np.zeros(labels.shape, dtype=bool) if found.bad is None else found.bad[k]
    known = batch.noise is not None or settings.gain is None
    scale = batch.scales[k]
    shape = measure_shape(
        found.above_sky[k] if settings.subtract_background else np.where(mask, 0, batch.pixels[k]),
        labels,
        label,
        mask=mask,
        noise=found.noise[k] if known else None,
        gain=None if settings.gain is None else settings.gain * scale,
        psf=settings.psf,
        sersic=settings.sersic,
        options=settings.statmorph_options,
    )
    shape = shape._replace(values=shape.values * np.where(_IS_FLUX, scale, 1))
    return shape, _touches_border(labels == label)


def _touches_border(segment):
    edges = (segment[0], segment[-1], segment[:, 0], segment[:, -1])
    return any(edge.any() for edge in edges)
