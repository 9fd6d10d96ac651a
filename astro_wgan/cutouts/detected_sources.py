"""Tables of the sources that are detected in an image, at which stamps are cut."""

from astropy import units as u
from astropy.table import QTable

from astro_wgan.catalogs.positions import with_positions
from astro_wgan.detection.tiled_detection import detect_sources
from astro_wgan.exceptions import NoSourceError
from astro_wgan.units.pixel_flux import summed_sources
from astro_wgan.validation.pixels import value_in_unit

__all__ = ['detected_table', 'no_source', 'shape_columns']


def detected_table(image, background, detection, pixel_scale):
    """
    Detect the sources of an image.

    Parameters
    ----------
    image : `~astropy.nddata.CCDData`
    background, detection, pixel_scale
        As in `~astro_wgan.StampSet.from_image`, which documents the columns.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    astro_wgan.exceptions.DetectionError
        If there is none.
    """
    noise = None if image.uncertainty is None else image.uncertainty.array
    background = value_in_unit(background, image.unit, 'background')
    sources = detect_sources(
        image.data, mask=image.mask, noise_rms=noise, background=background, detection=detection
    )
    if not len(sources):
        raise no_source(detection)
    x, y = sources['x'], sources['y']
    table = QTable(
        {
            'isophotal_flux': summed_sources(sources['flux'], x, y, image, pixel_scale),
            'peak': sources['peak'] * image.unit,
            **shape_columns(sources),
        }
    )
    return with_positions(table, x, y, image.wcs)


def shape_columns(sources):
    """Columns with the shapes of sources of SEP, as a dictionary."""
    return {
        'semimajor_axis': sources['a'] * u.pix,
        'semiminor_axis': sources['b'] * u.pix,
        'orientation': (sources['theta'] * u.rad).to(u.deg),
        'area': sources['npix'] * u.pix**2,
        'sep_flag': sources['flag'],
    }


def no_source(detection):
    """The error if nothing is detected."""
    return NoSourceError(
        f'No source has {detection.min_area} or more pixels above '
        f'{detection.threshold:g} sigma: lower `threshold` or `min_area` of `detection`.'
    )
