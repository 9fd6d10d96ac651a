"""Stamps in several bands, cut from an image of each on the pixels of one of them."""

from contextlib import ExitStack
from dataclasses import asdict

import numpy as np

from astro_wgan.bands.band import as_bands, band_number
from astro_wgan.bands.band_arrays import BandArrays
from astro_wgan.bands.band_checks import (
    check_bands_are_named,
    check_uncertainties_of_bands,
    check_units_of_bands,
)
from astro_wgan.cutouts.bands.bands_on_grid import BandsOnGrid
from astro_wgan.cutouts.bands.detection_in_bands import (
    CHI_SQUARED,
    chi_squared_image,
    chi_squared_sources,
    chosen_bands,
    detected_elsewhere,
    image_of_grid,
    search_in_grid,
)
from astro_wgan.cutouts.bands.image_of_band import ImageOfBand, errors_that_name
from astro_wgan.cutouts.bands.psf_matching import check_psfs
from astro_wgan.cutouts.cutting import checked_cutting
from astro_wgan.cutouts.image_cuts import origin_of
from astro_wgan.cutouts.resampled.scaled_sections import resampled_windows
from astro_wgan.cutouts.resampled.source_scale import is_measured
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.images.read_options import ReadOptions, check_options_of_bands, options_of_band
from astro_wgan.neighbors.stamp_neighbors import RemovalInWindows
from astro_wgan.neighbors.stamp_windows import Windows

__all__ = ['CutsOfBands', 'band_arguments_of_images']


def band_arguments_of_images(images, **options):
    """
    Arguments of `~astro_wgan.StampSet` for the stamps of each band, of all positions.

    Parameters
    ----------
    images, **options
        As of `CutsOfBands`.

    Returns
    -------
    tuple
        As from `CutsOfBands.cut`.
    """
    with ExitStack() as stack:
        return CutsOfBands(images, stack=stack, **options).cut(is_last=True)


class CutsOfBands:
    """
    Stamps of several bands, of which some are cut at a time.

    What is measured in whole images is measured once, and no stamp depends on which others are cut
    with it, but for the rounding of pixels that are resampled.

    Parameters
    ----------
    images, size, scale, detect_in, grid, positions, detection, ...
        As in `~astro_wgan.StampSet.from_images`, which also documents the errors.
    removal : `~astro_wgan.neighbors.NeighborConfig`
        What happens to neighbors and stars.
    stack : `~contextlib.ExitStack`
        With which files are closed.
    needs_stamps : bool, optional
        Whether each image must cover some of the stamps; otherwise it must overlap with that of
        the grid, so that stamps may all be masked in its band.
    searches_all_bands : bool, optional
        Whether neighbors are searched for in the chi-squared image of all bands also if there are
        positions, as in that of sources that are detected in it.
    **reading
        How to read the images, as in `~astro_wgan.images.read_image`; dictionaries hold a value
        for each band.
    """

    def __init__(
        self,
        images,
        *,
        stack,
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
        needs_stamps=True,
        searches_all_bands=False,
        **reading,
    ):
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
        sources = [
            ImageOfBand.opened(
                band.name, image, ReadOptions(**options_of_band(reading, band.name)), stack
            )
            for band, image in zip(bands, images.values(), strict=True)
        ]
        _check_fields(bands, sources)
        base = sources[grid]
        if positions is None:
            detection = DetectionConfig() if detection is None else detection
        found, chi_squared = positions, None
        is_elsewhere = positions is None and detect_in != grid
        # That of another band says nothing of the image of the grid.
        own_background = None if is_elsewhere else background
        is_chi_squared = is_elsewhere and detect_in == CHI_SQUARED
        if is_chi_squared or (searches_all_bands and removal.is_needed):
            # Also of use for neighbors: it takes all images to make it.
            chi_squared = chi_squared_image(sources, base, detection)
        if is_chi_squared:
            found = chi_squared_sources(chi_squared, base.wcs, detection)
        elif is_elsewhere:
            source = sources[detect_in]
            found = detected_elsewhere(source, base, detection, background, pixel_scale)
        is_searched = removal.is_needed and chi_squared is None
        if is_searched or is_measured(scale) or (positions is None and not is_elsewhere):
            # Read once for stamps, sources, radii and neighbors.
            base = base.in_memory()
        self._of_grid = stack.enter_context(ExitStack())
        self._first = base.cuts(
            size,
            self._of_grid,
            positions=found,
            scale=scale,
            detection=detection if not is_elsewhere or is_measured(scale) else None,
            background=own_background,
            partial=partial,
            outside=outside,
            pixel_scale=pixel_scale,
            fill_value=fill_value,
        )
        corner, shape, self._search = self._first.corner, self._first.shape, None
        if removal.is_needed:
            windows = Windows.of_stamps(corner, shape)
            if scale is not None:
                windows = resampled_windows(corner, self._first.factor, shape)
            is_chi = chi_squared is not None
            searched = chi_squared if is_chi else image_of_grid(base, detection, own_background)
            self._search = search_in_grid(
                *searched, windows, removal, bands[grid].psf, is_chi=is_chi
            )
            self._windows, self._boxes = windows, removal.detection_or(detection)
        if scale is not None:
            corner = np.floor(corner).astype(np.int64)
        self._others = BandsOnGrid(
            bands,
            sources,
            grid,
            corner,
            shape,
            is_scaled=scale is not None,
            match_psf=match_psf,
            fill_value=fill_value,
            needs_stamps=needs_stamps,
        )
        self._n_bands, self._grid, self._is_scaled = len(bands), grid, scale is not None
        self._about = {
            'image': {
                band.name: origin_of(image)
                for band, image in zip(bands, images.values(), strict=True)
            },
            'grid': bands[grid].name,
            'detect_in': None if positions is not None else _name(detect_in, bands),
            'detection': None if detection is None else asdict(detection),
            'match_psf': match_psf,
            **({'neighbors': asdict(removal)} if removal.is_needed else {}),
        }

    def cut(self, positions=None, *, is_last=False):
        """
        Cut stamps.

        Parameters
        ----------
        positions : `~numpy.ndarray` of int, shape (m,), optional
            At which of the positions; by default at all.
        is_last : bool, optional
            No others are cut, so that the image of the grid need not be kept while those of other
            bands are read.

        Returns
        -------
        cuts : dict of dict
            Arguments of `~astro_wgan.StampSet` by band, with all neighbors and stars.
        arrays : `~astro_wgan.bands.band_arrays.BandArrays`
            Of which their arrays are views.
        removed : `~astro_wgan.neighbors.section_removal.RemovedPixels` or None
            What is to be removed from the stamps; None if that has been done before resampling.
        """
        arrays = BandArrays(self._n_bands)
        with errors_that_name(self._about['grid']):
            first, _ = self._first.cut(positions, new=arrays.of_band(self._grid))
        rows = None if positions is None else self._first.rows_of(positions)
        removed = change = None
        if self._search is not None:
            corner = self._windows.corner if rows is None else self._windows.corner[rows]
            removed = self._search.removed(rows).in_stamps(corner)
            if self._is_scaled:
                # From the pixels of the image, before they are resampled.
                change = RemovalInWindows(removed, self._boxes)
                first['table'].update(removed.columns)
                removed = None
        first['meta']['provenance'] |= self._about
        if is_last:
            self._of_grid.close()
            self._first = self._search = None
        return self._others.cut(first, rows, arrays, change), arrays, removed


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
