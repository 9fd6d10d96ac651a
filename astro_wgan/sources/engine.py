"""`measure_batch`: detection and photometry of a batch of stamps with SEP or photutils."""

from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np
import sep

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.engines import check_engine
from astro_wgan.sources.apertures import flag_apertures, measure_apertures
from astro_wgan.sources.batch import BandBatches
from astro_wgan.sources.filled_stamps import flag_filled_stamps
from astro_wgan.sources.flags import SourceFlag
from astro_wgan.sources.isophotal import measure_isophotes
from astro_wgan.sources.segmentation import find_sources, labels_in_stamp

__all__ = ['FLUXES', 'BatchResult', 'Settings', 'measure_batch']

#: Columns in the unit of the pixels.
FLUXES = ('kron_flux', 'kron_flux_err', 'isophotal_flux', 'isophotal_flux_err', 'peak')


@dataclass(frozen=True)
class Settings:
    """
    Settings of the photometry.

    Parameters
    ----------
    detection : `~astro_wgan.detection.DetectionConfig`
        Detection settings.
    engine : {'sep', 'photutils'}
        Library that detects and measures.
    saturation : float, optional
        Saturation level in the unit of the pixels.
    background_stated : bool, optional
        Whether the background level is given.

    Raises
    ------
    ValueError
        If ``engine`` is invalid.
    """

    detection: DetectionConfig = field(default_factory=DetectionConfig)
    engine: str = 'sep'
    saturation: float | None = None
    background_stated: bool = False

    def __post_init__(self):
        check_engine(self.engine)

    def to_dict(self):
        """Plain values, for the provenance."""
        return asdict(self)


class BatchResult(NamedTuple):
    """
    Measurements of a batch.

    Attributes
    ----------
    sources : dict of `~numpy.ndarray`
        Columns with one row per source: ``stamp`` (row of the stamp in the batch), ``label``
        and the measurements.
    stamps : dict of `~numpy.ndarray`
        Columns with one row per stamp: ``central`` (label of the central source, or 0), ``status``,
        ``background`` and ``noise_rms``.
    """

    sources: dict
    stamps: dict


def measure_batch(batch, settings):
    """
    Detect and measure the sources of a batch of stamps.

    Parameters
    ----------
    batch : `~astro_wgan.sources.batch.Batch` or `BandBatches`
        The stamps, in one band or in several.
    settings : `Settings`
        Settings of the photometry.

    Returns
    -------
    `BatchResult`
    """
    if isinstance(batch, BandBatches):
        return _measure_bands(batch, settings)
    return BatchResult(*_measure(batch, settings, settings.detection)[:2])


def _measure_bands(batches, settings):
    """Detect in one image and measure in all bands."""
    # Imported here, since processes that measure one band do not need SciPy.
    from astro_wgan.sources.multiband.forced_photometry import chi_squared_batch, measure_bands

    detection, detected = settings.detection, batches.detected
    if detected is None:
        detected = chi_squared_batch(batches.bands, detection)
        detection = replace(detection, background=None)
    is_chi = batches.detected is None
    # The level of saturation is that of pixels, not of their significance.
    own = replace(settings, saturation=None) if is_chi else settings
    sources, stamps, found = _measure(detected, own, detection)
    in_bands = measure_bands(found, sources, batches.bands, settings.detection, settings.saturation)
    return BatchResult(sources | in_bands[0], stamps | in_bands[1])


def _measure(batch, settings, detection):
    """Columns of sources and stamps, and the sources with their images."""
    if settings.engine == 'sep':
        found = find_sources(batch, detection)
        columns = _measure_with_sep(found, detection)
    else:
        # Imported here, since photutils is slow to import.
        from astro_wgan.sources.photutils_engine import extract_with_photutils

        found = find_sources(batch, detection, extract=extract_with_photutils)
        columns = {name: found.catalog[name] for name in found.catalog.dtype.names}
        columns['flags'] = columns['flags'] | flag_apertures(found, detection, columns)
    scale = batch.scales
    saturation = None if settings.saturation is None else settings.saturation / scale
    isophotes = measure_isophotes(found, batch.pixels, saturation)
    flags = columns.pop('flags') | isophotes.pop('flags')
    sources = {'stamp': found.stamp, 'label': labels_in_stamp(found.stamp)}
    flags |= flag_filled_stamps(found, batch, detection, columns)
    sources |= {**columns, **isophotes, 'flags': flags}
    for name in FLUXES:
        sources[name] = sources[name] * scale[found.stamp]
    stamps = {
        'central': found.central,
        'status': found.status,
        'background': found.sky_level * scale,
        'noise_rms': found.sky_noise * scale,
    }
    return sources, stamps, found


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
