"""Sources and neighbors that are detected in one band, or in the chi-squared image of all."""

from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.bands.band import band_number
from astro_wgan.bands.chi_squared import ChiSquared
from astro_wgan.catalogs.positions import with_positions
from astro_wgan.cutouts.bands.regridding import PixelMap
from astro_wgan.cutouts.detected_sources import detected_table, no_source, shape_columns
from astro_wgan.detection.tiled_detection import detect_sources, signal_to_noise
from astro_wgan.neighbors.image_neighbors import NeighborSearch
from astro_wgan.validation.pixels import value_in_unit

__all__ = [
    'CHI_SQUARED',
    'chi_squared_image',
    'chi_squared_sources',
    'chosen_bands',
    'detected_elsewhere',
    'image_of_grid',
    'search_in_grid',
]

#: The chi-squared image of all bands, as a value of `detect_in`.
CHI_SQUARED = 'chi2'

#: Columns of detected sources in pixels of the image in which they are detected.
_SHAPES = ('semimajor_axis', 'semiminor_axis', 'orientation', 'area')


def chosen_bands(detect_in, grid, positions, bands):
    """Number of the band to detect in, or 'chi2', and of that of the pixel grid."""
    if positions is not None and detect_in is not None:
        raise ValueError('Give `positions` or `detect_in`, not both.')
    is_chi = isinstance(detect_in, str) and detect_in == CHI_SQUARED
    if is_chi and CHI_SQUARED in [band.name for band in bands]:
        raise ValueError(f"'{CHI_SQUARED}' is all bands for `detect_in`: call the band otherwise.")
    if not is_chi:
        detect_in = 0 if detect_in is None else band_number(detect_in, bands, 'detect_in')
    if grid is None:
        return detect_in, 0 if is_chi else detect_in
    return detect_in, band_number(grid, bands, 'grid')


def detected_elsewhere(source, base, detection, background, pixel_scale):
    """Sources that are detected in another band than that of the grid, as a table."""
    image = source.whole()
    table = detected_table(image, background, detection, pixel_scale)
    if base.wcs is None:
        return table
    place = PixelMap(base.wcs, np.zeros((1, 2)), base.shape, image.wcs, image.shape)
    same = place.same_pixels()
    if same is not None:
        table['x'], table['y'] = (table[axis] - same[0, k] * u.pix for k, axis in enumerate('xy'))
        return table
    x, y, _ = sky_to_pixel(table['sky'], base.wcs, base.shape)
    table['x'], table['y'] = x * u.pix, y * u.pix
    # Lengths and angles are in pixels of the other image.
    table.remove_columns(_SHAPES)
    return table[np.isfinite(x) & np.isfinite(y)]


def chi_squared_image(sources, base, detection):
    """The chi-squared image of all bands, and how to detect sources in it."""
    total = ChiSquared(base.shape)
    for source in sources:
        image = source.whole()
        noise = None if image.uncertainty is None else image.uncertainty.array
        ratio, bad = signal_to_noise(
            image.data, mask=image.mask, noise_rms=noise, detection=detection
        )
        total.add(*_image_on_grid(ratio, bad, image.wcs, base))
        del image, noise, ratio, bad
    noise = np.ones(base.shape, dtype=np.float32)
    how = {'mask': total.bad, 'noise_rms': noise, 'background': 0.0}
    return total.image(), {**how, 'detection': replace(detection, background=None)}


def chi_squared_sources(chi_squared, wcs, detection):
    """Sources that are detected in the chi-squared image, as a table."""
    image, how = chi_squared
    found = detect_sources(image, **how)
    if not len(found):
        raise no_source(detection)
    return with_positions(QTable(shape_columns(found)), found['x'], found['y'], wcs)


def image_of_grid(base, detection, background):
    """The image of the grid, and how to detect sources in it."""
    ccd = base.whole()
    return ccd.data, {
        'mask': ccd.mask,
        'noise_rms': None if ccd.uncertainty is None else ccd.uncertainty.array,
        'background': value_in_unit(background, ccd.unit, 'background'),
        'detection': detection,
    }


def search_in_grid(image, how, windows, removal, psf, *, is_chi):
    """The search for neighbors and stars in the image of the grid, or in the chi-squared image."""
    if is_chi and removal.detection is not None:
        # Stated for a band; that of the chi-squared image is known.
        removal = replace(removal, detection=replace(removal.detection, background=None))
    # The sky is that of the stamps, since other bands may have other pixels.
    return NeighborSearch(image, windows, removal, psf=psf, around=0, **how)


def _image_on_grid(ratio, bad, wcs, base):
    """A whole image on the pixels of another."""
    if wcs is None:
        return ratio, bad
    place = PixelMap(base.wcs, np.zeros((1, 2)), base.shape, wcs, ratio.shape)
    same = place.same_pixels()
    if same is not None and not same.any() and ratio.shape == base.shape:
        return ratio, bad
    # Not at the top: reproject imports Dask and zarr, which takes a second.
    from reproject import reproject_interp

    ratio[bad] = np.nan
    there, _ = reproject_interp((ratio, wcs), base.wcs, shape_out=base.shape)
    bad = ~np.isfinite(there)
    there[bad] = 0
    return there, bad
