"""Stamps in several bands, cut from an image of each on the pixels of one of them."""

import functools
import os
from dataclasses import asdict, dataclass, replace
from types import SimpleNamespace

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.wcs import WCS

from astro_wgan.astrometry.inverse_wcs import sky_to_pixel
from astro_wgan.bands.band import as_bands, band_number
from astro_wgan.bands.chi_squared import ChiSquared
from astro_wgan.catalogs.positions import with_positions
from astro_wgan.cutouts.cutting import check_cutting, cut_image, origin_of
from astro_wgan.cutouts.detected_sources import detected_table, no_source, shape_columns
from astro_wgan.cutouts.psf_matching import broadest_psf, convolve_parts, matching_kernel
from astro_wgan.cutouts.regridding import ImageParts, PixelMap, has_same_pixels
from astro_wgan.cutouts.reprojection import resampled_psf
from astro_wgan.cutouts.resampled.source_scale import (
    as_source_scale,
    check_scaled,
    is_measured,
    resampled_cut,
)
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.tiled_detection import detect_sources, signal_to_noise
from astro_wgan.images.fits_sections import open_sections
from astro_wgan.images.read_options import ReadOptions, check_options_of_bands, options_of_band
from astro_wgan.images.reading import image_with
from astro_wgan.neighbors.image_neighbors import find_in_image
from astro_wgan.units.pixel_flux import PIXEL_META, holds_flux
from astro_wgan.validation.pixels import as_shape, value_in_unit

__all__ = ['band_arguments_of_images']

_CHI_SQUARED = 'chi2'

#: Columns of detected sources in pixels of the image in which they are detected.
_SHAPES = ('semimajor_axis', 'semiminor_axis', 'orientation', 'area')

#: Arguments of a set that differ between bands.
_PIXELS = ('pixels', 'uncertainty', 'mask', 'unit', 'bands')


def band_arguments_of_images(
    images,
    *,
    size,
    scale,
    detect_in,
    grid,
    positions,
    detection,
    background,
    partial,
    outside,
    fill_value,
    match_psf,
    pixel_scale,
    removal,
    **reading,
):
    """
    Arguments of `~astro_wgan.StampSet` for the stamps of each band.

    Parameters
    ----------
    images, size, scale, detect_in, grid, positions, detection, ...
        As in `~astro_wgan.StampSet.from_images`, which also documents the errors.
    removal : `~astro_wgan.neighbors.NeighborConfig`
        What happens to neighbors and stars.
    **reading
        How to read the images, as in `~astro_wgan.images.read_image`; dictionaries hold a value
        for each band.

    Returns
    -------
    cuts : dict of dict
        By band, with all neighbors and stars.
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels` or None
        What is to be removed from the stamps.
    """
    if not hasattr(images, 'items') or not images:
        raise TypeError(
            "`images` must be a dictionary of an image for each band, such as {'g': ..., 'r': "
            f'...}}; got {images!r:.100}.'
        )
    size = size if hasattr(size, 'unit') else as_shape(size)
    scale = as_source_scale(scale)
    if scale is not None:
        check_scaled(size, removal)
    check_cutting(positions, detection, background, partial, outside, removal, scale)
    bands = as_bands(list(images), len(images))
    detect_in, grid = _chosen_bands(detect_in, grid, positions, bands)
    _check_detection(detect_in, background, match_psf, bands)
    check_options_of_bands(reading, [band.name for band in bands])
    origins = {
        band.name: origin_of(image) for band, image in zip(bands, images.values(), strict=True)
    }
    sources = [
        _BandImage.opened(image, ReadOptions(**options_of_band(reading, band.name)))
        for band, image in zip(bands, images.values(), strict=True)
    ]
    _check_fields(bands, sources)
    base = sources[grid]
    how = {'partial': partial, 'outside': outside, 'pixel_scale': pixel_scale}
    if positions is None:
        detection = DetectionConfig() if detection is None else detection
    found, chi_squared = positions, None
    if positions is None and detect_in != grid:
        if detect_in == _CHI_SQUARED:
            # Also of use for neighbors: it takes all images to make it.
            chi_squared = _chi_squared(sources, base, detection)
            found = _chi_squared_sources(chi_squared, base.wcs, detection)
        else:
            source = sources[detect_in]
            found = _detected_elsewhere(source, base, detection, background, pixel_scale)
        how |= {'detection': detection if is_measured(scale) else None, 'background': None}
    else:
        how |= {'detection': detection, 'background': background}
    first = base.cut(size, positions=found, scale=scale, fill_value=fill_value, **how)
    corner, shape = first['geometry'].corner, first['pixels'].shape[1:]
    if scale is not None:
        corner = np.floor(corner).astype(np.int64)
    removed = None
    if removal.is_needed:
        is_detected = detect_in == grid
        removed = _find_removed(
            *(chi_squared or _image_of_grid(base, detection, background, is_detected)),
            corner,
            shape,
            removal,
            bands[grid].psf,
        )
    # As large as an image, and of no use from here on.
    del chi_squared
    maps = [
        None if k == grid else source.map_to(base, corner, shape, bands[k].name)
        for k, source in enumerate(sources)
    ]
    bands = [_on_grid(band, place) for band, place in zip(bands, maps, strict=True)]
    kernels, bands = _matched(bands, match_psf)
    margin = max((len(kernel) // 2 for kernel in kernels if kernel is not None), default=0)
    first['meta']['provenance'] |= {
        'image': origins,
        'grid': bands[grid].name,
        'detect_in': None if positions is not None else _name(detect_in, bands),
        'detection': None if detection is None else asdict(detection),
        'match_psf': match_psf,
        **({'neighbors': asdict(removal)} if removal.is_needed else {}),
    }
    cuts = {}
    for k, band in enumerate(bands):
        cut = first
        if k != grid or margin:
            how = {'margin': margin, 'kernel': kernels[k], 'fill_value': fill_value}
            if scale is None:
                cut = _cut_on_grid(sources[k], base, corner, shape, place=maps[k], **how)
            else:
                function = functools.partial(_cut_sections, sources[k], base, maps[k], **how)
                cut = resampled_cut(function, first['geometry'], shape, fill_value=fill_value)
                band = replace(band, psf=None)
            pixel = {name: cut['meta'][name] for name in PIXEL_META if name in cut['meta']}
            kept = {n: value for n, value in first['meta'].items() if n not in PIXEL_META}
            cut = first | {name: cut[name] for name in _PIXELS if name in cut}
            cut['meta'] = kept | pixel
        cuts[band] = cut
    return cuts, removed


@dataclass(frozen=True, eq=False)
class _BandImage:
    """An image in a file of which sections can be read, or in memory."""

    image: object
    shape: tuple
    wcs: WCS | None
    options: ReadOptions

    @classmethod
    def opened(cls, image, options):
        is_path = isinstance(image, (str, bytes, os.PathLike))
        with open_sections(image if is_path else None, options) as in_file:
            if in_file is not None:
                return cls(image, in_file.shape, in_file.wcs, options)
        image = image_with(image, options)
        return cls(image, image.shape, image.wcs, ReadOptions())

    def cut(self, shape, **how):
        """Arguments of a set, as from `cut_image`."""
        given = {'detection': None, 'background': None, 'pixel_scale': None, 'psf': None}
        return cut_image(self.image, shape, options=self.options, **(given | how))

    def cut_at(self, corner, shape, fill_value):
        """Stamps with these first pixels, masked beyond the image."""
        middle = corner + (np.array(shape[::-1]) - 1) / 2
        where = {'partial': 'fill', 'outside': 'keep', 'fill_value': fill_value}
        return self.cut(shape, positions=middle, **where)

    def whole(self):
        """The whole image, with all that is masked in it."""
        return image_with(self.image, self.options)

    def map_to(self, base, corner, shape, name):
        """Where the pixels of stamps of another image lie in this one."""
        if self.wcs is None:
            return None
        place, at, size = None, corner, tuple(shape)
        if not has_same_pixels(base.wcs, self.wcs):
            place = PixelMap(base.wcs, corner, shape, self.wcs, self.shape)
            at, size = place.sections()
        inside = (at + size[::-1] > 0) & (at < self.shape[::-1])
        if len(corner) and not inside.all(axis=1).any():
            raise ValueError(
                f'The image of band {name} covers none of the {len(corner)} stamps: the images '
                'show different parts of the sky.'
            )
        return place


def _chosen_bands(detect_in, grid, positions, bands):
    """Number of the band to detect in, or 'chi2', and of that of the pixel grid."""
    if positions is not None and detect_in is not None:
        raise ValueError('Give `positions` or `detect_in`, not both.')
    is_chi = isinstance(detect_in, str) and detect_in == _CHI_SQUARED
    if is_chi and _CHI_SQUARED in [band.name for band in bands]:
        raise ValueError(f"'{_CHI_SQUARED}' is all bands for `detect_in`: call the band otherwise.")
    if not is_chi:
        detect_in = 0 if detect_in is None else band_number(detect_in, bands, 'detect_in')
    if grid is None:
        return detect_in, 0 if is_chi else detect_in
    return detect_in, band_number(grid, bands, 'grid')


def _check_detection(detect_in, background, match_psf, bands):
    if background is not None and detect_in == _CHI_SQUARED:
        raise ValueError("`background` is that of one band: it is of no use in 'chi2'.")
    if match_psf is False:
        return
    if match_psf is not True:
        band_number(match_psf, bands, 'match_psf')
    without = [band.name for band in bands if band.psf is None]
    if without:
        raise ValueError(
            f'`match_psf` needs the PSF of each band; there is none of {", ".join(without)}. Give '
            "`Band('g', psf=...)` as key of `images`."
        )


def _name(band, bands):
    return band if isinstance(band, str) else bands[band].name


def _check_fields(bands, sources):
    first, name = sources[0], bands[0].name
    for band, source in zip(bands, sources, strict=True):
        if (source.wcs is None) != (first.wcs is None):
            with_wcs, without = (name, band.name) if source.wcs is None else (band.name, name)
            raise ValueError(
                f'Either all images must have a celestial WCS or none; that of {with_wcs} has one, '
                f'that of {without} has none.'
            )
        if source.wcs is None and source.shape != first.shape:
            raise ValueError(
                'Images without WCS must have the same shape, since they are taken to show the '
                f'same field; got {first.shape} in {name} and {source.shape} in {band.name}.'
            )


def _detected_elsewhere(source, base, detection, background, pixel_scale):
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


def _chi_squared(sources, base, detection):
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


def _chi_squared_sources(chi_squared, wcs, detection):
    image, how = chi_squared
    found = detect_sources(image, **how)
    if not len(found):
        raise no_source(detection)
    return with_positions(QTable(shape_columns(found)), found['x'], found['y'], wcs)


def _image_of_grid(base, detection, background, is_detected):
    """The image of the grid, and how to detect sources in it."""
    ccd = base.whole()
    how = {'mask': ccd.mask, 'detection': detection}
    how['noise_rms'] = None if ccd.uncertainty is None else ccd.uncertainty.array
    if is_detected:
        how['background'] = value_in_unit(background, ccd.unit, 'background')
    return ccd.data, how


def _find_removed(image, how, corner, shape, removal, psf):
    """Neighbors and stars in the image of the grid, or in the chi-squared image."""
    # The sky is that of the stamps, since other bands may have other pixels.
    found = find_in_image(image, corner, shape, removal, psf=psf, around=0, **how)
    return found.in_stamps(corner)


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


def _on_grid(band, place):
    """A band with its PSF on the pixels of the grid."""
    if band.psf is None or place is None or place.same_pixels() is not None:
        return band
    return replace(band, psf=resampled_psf(band.psf, place.typical_step))


def _matched(bands, match_psf):
    """Kernel of each band, None if its PSF is the wanted one, and bands with the wanted PSF."""
    if match_psf is False:
        return [None] * len(bands), bands
    psfs = [band.psf for band in bands]
    number = broadest_psf(psfs) if match_psf is True else band_number(match_psf, bands)
    target = psfs[number]
    kernels = [
        None if k == number or np.array_equal(psf, target) else matching_kernel(psf, target)
        for k, psf in enumerate(psfs)
    ]
    return kernels, [replace(band, psf=target) for band in bands]


def _cut_on_grid(source, base, corner, shape, *, place, margin, kernel, fill_value):
    """Stamps of a band on the pixels of another, convolved with a kernel."""
    corner, wide = corner - margin, tuple(edge + 2 * margin for edge in shape)
    if place is not None:
        if margin:
            place = PixelMap(base.wcs, corner, wide, source.wcs, source.shape)
        same = place.same_pixels()
        if same is not None:
            corner, place = same, None
    at, size = (corner, wide) if place is None else place.sections()
    cut = source.cut_at(at, size, fill_value)
    if place is None and kernel is None and not margin:
        return cut
    keeps_brightness = not holds_flux(SimpleNamespace(unit=cut['unit'], meta=cut['meta']))
    parts = ImageParts(cut['pixels'], _valid(cut), cut['uncertainty'])
    if place is not None:
        parts = place.resample(parts, at, keeps_brightness=keeps_brightness)
    if kernel is not None:
        parts = convolve_parts(parts, kernel)
    if margin:
        inner = np.s_[:, margin:-margin, margin:-margin]
        parts = parts[inner]
    return cut | {'pixels': parts.pixels, 'mask': ~parts.valid, 'uncertainty': parts.uncertainty}


def _cut_sections(source, base, place, at, shape, **how):
    """Stamps of a band at any pixels of another: as those of `_cut_on_grid`, not of their map."""
    if place is not None:
        place = PixelMap(base.wcs, at, shape, source.wcs, source.shape)
    return _cut_on_grid(source, base, at, shape, place=place, **how)


def _valid(cut):
    valid = np.isfinite(cut['pixels'])
    return valid if cut['mask'] is None else valid & ~cut['mask']
