"""`measure_bands`: photometry of several bands in the apertures and segments of one detection."""

import numpy as np

from astro_wgan.bands.chi_squared import ChiSquared
from astro_wgan.sources.apertures import as_ellipses, measure_fixed_apertures, owner_labels
from astro_wgan.sources.batch import Batch
from astro_wgan.sources.filled_stamps import flag_filled_stamps
from astro_wgan.sources.isophotal import measure_isophotes
from astro_wgan.sources.segmentation import measure_skies

__all__ = [
    'BAND_COLUMNS',
    'CHI_SQUARED',
    'SKY_COLUMNS',
    'band_column',
    'chi_squared_batch',
    'measure_bands',
]

#: Value of ``detect_in`` for the chi-squared image of all bands.
CHI_SQUARED = 'chi2'

#: Columns of each source that are measured in each band, those of fluxes first.
BAND_COLUMNS = (
    'kron_flux',
    'kron_flux_err',
    'isophotal_flux',
    'isophotal_flux_err',
    'peak',
    'half_light_radius',
    'flags',
)

#: Columns of each stamp that are measured in each band.
SKY_COLUMNS = ('background', 'noise_rms')


def band_column(name, number):
    """Name of the column of a band before bands have their names."""
    return f'{name}@{number}'


def chi_squared_batch(batches, detection):
    """
    The chi-squared images of stamps in several bands.

    Parameters
    ----------
    batches : tuple of `Batch`
    detection : `~astro_wgan.detection.DetectionConfig`
        How the background is measured.

    Returns
    -------
    `Batch`
        With a noise of 1 and no background.
    """
    n, *shape = batches[0].pixels.shape
    total = ChiSquared((n, *shape))
    for batch in batches:
        skies = measure_skies(batch, detection)
        noise = skies.noise_map(batch.pixels.shape)
        bad = ~(noise > 0)
        if skies.bad is not None:
            bad |= skies.bad
        ratio = np.divide(skies.above_sky, noise, out=np.zeros_like(skies.above_sky), where=~bad)
        total.add(ratio, bad)
    noise = np.ones((n, *shape), dtype=np.float32)
    background = np.zeros((n, 1, 1), dtype=np.float32)
    return Batch(total.image(), total.bad, noise, None, background)


def measure_bands(found, columns, batches, detection, saturation):
    """
    Measure sources that were detected in another image.

    Parameters
    ----------
    found : `~astro_wgan.sources.segmentation.FoundSources`
        The detected sources, their segments, and the image in which they were detected.
    columns : dict of `~numpy.ndarray`, each of shape (m,)
        ``x``, ``y``, ``semimajor_axis``, ``semiminor_axis``, ``orientation`` (degrees) and
        ``kron_radius`` of the sources.
    batches : tuple of `Batch`
        The stamps in each band.
    detection : `~astro_wgan.detection.DetectionConfig`
        How the background is measured.
    saturation : float or None
        Saturation level in the unit of the stamps.

    Returns
    -------
    sources, stamps : dict of `~numpy.ndarray`
        `BAND_COLUMNS` and `SKY_COLUMNS` of each band, in the unit of the stamps, with names from
        `band_column`.

    Notes
    -----
    As SExtractor with two images: positions, shapes, Kron radii and segments are those of the
    detection; sky and noise are measured in each band.
    """
    owner = owner_labels(found, detection)
    found = found._replace(catalog=as_ellipses(columns))
    sources, stamps = {}, {}
    for number, batch in enumerate(batches):
        skies = measure_skies(batch, detection)
        noise = skies.noise_map(found.labels.shape)
        if skies.bad is not None:
            noise = np.where(skies.bad, np.float32(0), noise)
        band = found._replace(
            above_sky=skies.above_sky,
            noise=noise,
            bad=skies.bad,
            sky_level=skies.level,
            sky_noise=skies.rms,
        )
        measured = measure_fixed_apertures(band, owner, columns['kron_radius'])
        scale = batch.scales
        limit = None if saturation is None else saturation / scale
        isophotes = measure_isophotes(band, batch.pixels, limit)
        flags = measured.pop('flags') | isophotes.pop('flags')
        flags |= flag_filled_stamps(band, batch, detection, columns | measured)
        measured |= {name: isophotes[name] for name in BAND_COLUMNS if name in isophotes}
        # A band without any data or noise in a stamp.
        empty = ~(skies.rms > 0) if skies.bad is None else ~(skies.rms > 0) | skies.bad.all((1, 2))
        for name, values in measured.items():
            values = np.where(empty[found.stamp], np.nan, values)
            if name != 'half_light_radius':
                values = values * scale[found.stamp]
            sources[band_column(name, number)] = values
        sources[band_column('flags', number)] = flags.astype(np.int16)
        for name, values in (('background', skies.level), ('noise_rms', skies.rms)):
            stamps[band_column(name, number)] = values * scale
    return sources, stamps
