"""Stamps in several bands, cut from an image of each on the pixels of one of them."""

import functools
from contextlib import ExitStack
from dataclasses import asdict, replace

import numpy as np

from astro_wgan.bands.band import as_bands, band_number
from astro_wgan.bands.band_arrays import BandArrays
from astro_wgan.bands.band_checks import (
    check_bands_are_named,
    check_uncertainties_of_bands,
    check_units_of_bands,
)
from astro_wgan.cutouts.bands.cuts_on_grid import (
    band_on_grid,
    cut_on_grid,
    cut_sections,
    matched_bands,
)
from astro_wgan.cutouts.bands.detection_in_bands import (
    CHI_SQUARED,
    chi_squared_image,
    chi_squared_sources,
    chosen_bands,
    detected_elsewhere,
    find_removed,
    image_of_grid,
)
from astro_wgan.cutouts.bands.image_of_band import ImageOfBand
from astro_wgan.cutouts.bands.psf_matching import check_psfs
from astro_wgan.cutouts.cutting import checked_cutting, origin_of
from astro_wgan.cutouts.resampled.scaled_sections import resampled_cut, resampled_windows
from astro_wgan.cutouts.resampled.source_scale import is_measured
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.images.read_options import ReadOptions, check_options_of_bands, options_of_band
from astro_wgan.neighbors.stamp_neighbors import RemovalInWindows
from astro_wgan.neighbors.stamp_windows import Windows
from astro_wgan.units.pixel_flux import PIXEL_META

__all__ = ['band_arguments_of_images']

#: Arguments of a set that differ between bands.
_ARRAYS = ('pixels', 'uncertainty', 'mask')
_PIXELS = (*_ARRAYS, 'unit', 'bands')


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
    arrays : `~astro_wgan.bands.band_arrays.BandArrays`
        Of which their arrays are views.
    removed : `~astro_wgan.neighbors.section_removal.RemovedPixels` or None
        What is to be removed from the stamps; None if that has been done before resampling.
    """
    check_bands_are_named(images, 'images', 'an image')
    size, scale = checked_cutting(
        size,
        scale,
        positions=positions,
        detection=detection,
        background=background,
        partial=partial,
        outside=outside,
        removal=removal,
    )
    bands = as_bands(list(images), len(images))
    detect_in, grid = chosen_bands(detect_in, grid, positions, bands)
    _check_detection(detect_in, background, match_psf, bands)
    check_options_of_bands(reading, [band.name for band in bands])
    origins = {
        band.name: origin_of(image) for band, image in zip(bands, images.values(), strict=True)
    }
    with ExitStack() as stack:
        sources = [
            ImageOfBand.opened(
                band.name, image, ReadOptions(**options_of_band(reading, band.name)), stack
            )
            for band, image in zip(bands, images.values(), strict=True)
        ]
        _check_fields(bands, sources)
        base, arrays = sources[grid], BandArrays(len(bands))
        if positions is None:
            detection = DetectionConfig() if detection is None else detection
        found, chi_squared = positions, None
        is_elsewhere = positions is None and detect_in != grid
        # That of another band says nothing of the image of the grid.
        own_background = None if is_elsewhere else background
        if is_elsewhere and detect_in == CHI_SQUARED:
            # Also of use for neighbors: it takes all images to make it.
            chi_squared = chi_squared_image(sources, base, detection)
            found = chi_squared_sources(chi_squared, base.wcs, detection)
        elif is_elsewhere:
            source = sources[detect_in]
            found = detected_elsewhere(source, base, detection, background, pixel_scale)
        is_searched = removal.is_needed and chi_squared is None
        if is_searched or is_measured(scale) or (positions is None and not is_elsewhere):
            # Read once for stamps, sources, radii and neighbors.
            base = base.in_memory()
        first = base.cut(
            size,
            positions=found,
            scale=scale,
            detection=detection if not is_elsewhere or is_measured(scale) else None,
            background=own_background,
            partial=partial,
            outside=outside,
            pixel_scale=pixel_scale,
            fill_value=fill_value,
            new=arrays.of_band(grid),
        )
        corner, shape = first['geometry'].corner, first['pixels'].shape[1:]
        removed = change = None
        if removal.is_needed:
            windows = Windows.of_stamps(corner, shape)
            if scale is not None:
                windows = resampled_windows(corner, first['geometry'].steps, shape)
            is_chi = chi_squared is not None
            searched = chi_squared if is_chi else image_of_grid(base, detection, own_background)
            removed = find_removed(*searched, windows, removal, bands[grid].psf, is_chi=is_chi)
            del searched
            if scale is not None:
                # From the pixels of the image, before they are resampled.
                change = RemovalInWindows(removed, removal.detection_or(detection))
                first['table'].update(removed.columns)
                removed = None
        if scale is not None:
            corner = np.floor(corner).astype(np.int64)
        # As large as an image, and of no use from here on.
        del chi_squared, base
        first['meta']['provenance'] |= {
            'image': origins,
            'grid': bands[grid].name,
            'detect_in': None if positions is not None else _name(detect_in, bands),
            'detection': None if detection is None else asdict(detection),
            'match_psf': match_psf,
            **({'neighbors': asdict(removal)} if removal.is_needed else {}),
        }
        cuts = _cut_bands(
            bands,
            sources,
            grid,
            first,
            corner,
            arrays,
            is_scaled=scale is not None,
            match_psf=match_psf,
            fill_value=fill_value,
            change=change,
        )
    return cuts, arrays, removed


def _cut_bands(
    bands, sources, grid, first, corner, arrays, *, is_scaled, match_psf, fill_value, change
):
    """Arguments by band, from those of the band of the grid."""
    base, shape = sources[grid], first['pixels'].shape[1:]
    maps = [
        None if k == grid else source.map_to(base, corner, shape)
        for k, source in enumerate(sources)
    ]
    bands = [band_on_grid(band, place) for band, place in zip(bands, maps, strict=True)]
    kernels, bands = matched_bands(bands, match_psf)
    margin = max((len(kernel) // 2 for kernel in kernels if kernel is not None), default=0)
    cuts = {}
    for k, band in enumerate(bands):
        cut = first
        if k != grid or margin or change is not None:
            how = {'margin': margin, 'kernel': kernels[k], 'fill_value': fill_value}
            if not is_scaled:
                how |= {'place': maps[k], 'new': arrays.of_band(k)}
                cut = cut_on_grid(sources[k], base, corner, shape, **how)
            else:
                function = functools.partial(cut_sections, sources[k], base, maps[k], **how)
                how = {'fill_value': fill_value, 'change': change}
                cut = resampled_cut(function, first['geometry'], shape, **how)
                band = replace(band, psf=None)
            pixel = {name: cut['meta'][name] for name in PIXEL_META if name in cut['meta']}
            kept = {n: value for n, value in first['meta'].items() if n not in PIXEL_META}
            cut = first | {name: cut[name] for name in _PIXELS if name in cut}
            cut['meta'] = kept | pixel
        # Now, so that no array of one band is kept beside that of all.
        in_place = {n: arrays.put(k, n, cut[n]) for n in _ARRAYS if cut[n] is not None}
        cuts[band] = cut | in_place
    return cuts


def _check_detection(detect_in, background, match_psf, bands):
    if background is not None and detect_in == CHI_SQUARED:
        raise ValueError("`background` is that of one band: it is of no use in 'chi2'.")
    if match_psf is False:
        return
    if match_psf is not True:
        band_number(match_psf, bands, 'match_psf')
    check_psfs(bands)


def _name(band, bands):
    return band if isinstance(band, str) else bands[band].name


def _check_fields(bands, sources):
    """Refuse images that do not belong together before any is cut."""
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
    check_uncertainties_of_bands([each.has_uncertainty for each in sources], bands)
    check_units_of_bands([source.unit for source in sources], bands)
