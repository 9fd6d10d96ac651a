"""From a batch of stamps to columns of numbers, by SEP or by photutils."""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import sep

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.sources.apertures import flag_apertures, measure_apertures
from astro_wgan.sources.filled_stamps import flag_filled_stamps
from astro_wgan.sources.flags import SourceFlag
from astro_wgan.sources.isophotal import measure_footprints
from astro_wgan.sources.segmentation import find_sources, labels_in_stamp

__all__ = ['ENGINES', 'FLUXES', 'BatchResult', 'Settings', 'measure_batch']

ENGINES = ('sep', 'photutils')

#: What is measured in the unit of the pixels.
FLUXES = ('kron_flux', 'kron_flux_err', 'isophotal_flux', 'isophotal_flux_err', 'peak')


@dataclass(frozen=True)
class Settings:
    """
    What whoever measures must know beside the pixels.

    Parameters
    ----------
    detection : `~astro_wgan.detection.DetectionConfig`
        How sources are told from the sky.
    engine : {'sep', 'photutils'}
        What measures.
    saturation : float, optional
        Pixels of at least this value are saturated.
    background_stated : bool, optional
        Whether the caller says what the level of the sky is.

    Raises
    ------
    ValueError
        If a value is none of those allowed.
    """

    detection: DetectionConfig = field(default_factory=DetectionConfig)
    engine: str = 'sep'
    saturation: float | None = None
    background_stated: bool = False

    def __post_init__(self):
        if self.engine not in ENGINES:
            raise ValueError(f'`engine` must be one of {ENGINES}; got {self.engine!r}.')

    def to_dict(self):
        """Plain values, for the provenance."""
        return asdict(self)


class BatchResult(NamedTuple):
    """
    What was measured in a batch.

    Attributes
    ----------
    sources : dict of `~numpy.ndarray`
        A column each, of one row per source: ``stamp`` (its row in the batch), ``label``, and so
        on.
    stamps : dict of `~numpy.ndarray`
        Of one row per stamp: ``central`` (label of the central source, or 0), ``status``,
        ``background`` and ``noise_rms``.
    """

    sources: dict
    stamps: dict


def measure_batch(batch, settings):
    """
    Find and measure the sources of a batch of stamps.

    Parameters
    ----------
    batch : `~astro_wgan.sources.batch.Batch`
        The stamps.
    settings : `Settings`
        How.

    Returns
    -------
    `BatchResult`
    """
    if settings.engine == 'sep':
        found = find_sources(batch, settings.detection)
        columns = _measure_with_sep(found, settings.detection)
    else:
        # It takes a while to import.
        from astro_wgan.sources.photutils_engine import extract_with_photutils

        found = find_sources(batch, settings.detection, extract=extract_with_photutils)
        columns = {name: found.catalog[name] for name in found.catalog.dtype.names}
        columns['flags'] = columns['flags'] | flag_apertures(found, settings.detection, columns)
    scale = batch.scales
    saturation = None if settings.saturation is None else settings.saturation / scale
    footprints = measure_footprints(found, batch.pixels, saturation)
    flags = columns.pop('flags') | footprints.pop('flags')
    sources = {'stamp': found.stamp, 'label': labels_in_stamp(found.stamp)}
    flags |= flag_filled_stamps(found, batch, settings.detection, columns)
    sources |= {**columns, **footprints, 'flags': flags}
    for name in FLUXES:
        sources[name] = sources[name] * scale[found.stamp]
    stamps = {
        'central': found.central,
        'status': found.status,
        'background': found.sky_level * scale,
        'noise_rms': found.sky_noise * scale,
    }
    return BatchResult(sources, stamps)


def _measure_with_sep(found, detection):
    catalog = found.catalog
    columns = measure_apertures(found, detection)
    blended = (catalog['flag'] & sep.OBJ_MERGED) > 0
    flags = columns.pop('flags') | np.where(blended, int(SourceFlag.BLENDED), 0)
    return {
        'x': catalog['x'],
        'y': catalog['y'],
        **columns,
        'semimajor_axis': catalog['a'].astype(float),
        'semiminor_axis': catalog['b'].astype(float),
        'orientation': np.degrees(catalog['theta'].astype(float)),
        'flags': flags,
    }
