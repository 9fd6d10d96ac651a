"""`BandsOnGrid`: stamps of several bands on the pixels of one of them, some at a time."""

import functools
from dataclasses import replace

from astro_wgan.cutouts.bands.cuts_on_grid import (
    band_on_grid,
    cut_on_grid,
    cut_sections,
    matched_bands,
)
from astro_wgan.cutouts.resampled.scaled_sections import resampled_cut
from astro_wgan.units.pixel_flux import PIXEL_META

__all__ = ['BandsOnGrid']

#: Arguments of a set that differ between bands.
_ARRAYS = ('pixels', 'uncertainty', 'mask')
_PIXELS = (*_ARRAYS, 'unit', 'bands')


class BandsOnGrid:
    """
    Stamps of several bands on the pixels of one of them, of which some are cut at a time.

    How they are resampled is decided for all stamps.

    Parameters
    ----------
    bands : list of `~astro_wgan.stamps.Band`
    sources : list of `~astro_wgan.cutouts.bands.image_of_band.ImageOfBand`
    grid : int
        Number of the band of the grid.
    corner : `~numpy.ndarray` of int, shape (n, 2)
        First pixel ``(x, y)`` of each stamp in its image.
    shape : tuple of int
        ``(ny, nx)``.
    is_scaled : bool
        Whether stamps follow their sources.
    match_psf, fill_value
        As in `~astro_wgan.StampSet.from_images`.
    needs_stamps : bool
        As of `~astro_wgan.cutouts.bands.images_of_bands.CutsOfBands`.

    Raises
    ------
    ValueError
        If images show different parts of the sky.
    """

    def __init__(
        self,
        bands,
        sources,
        grid,
        corner,
        shape,
        *,
        is_scaled,
        match_psf,
        fill_value,
        needs_stamps,
    ):
        self._sources, self._grid, self._shape = sources, grid, shape
        self._corner, self._is_scaled, self._fill_value = corner, is_scaled, fill_value
        base, self._maps = sources[grid], []
        for k, source in enumerate(sources):
            place = None if k == grid else source.map_to(base, corner, shape)
            if k != grid and source.wcs is not None:
                if needs_stamps:
                    source.check_covers(base, place, corner, shape)
                else:
                    source.check_overlaps(base)
            self._maps.append(place)
        bands = [band_on_grid(band, place) for band, place in zip(bands, self._maps, strict=True)]
        self._kernels, self._bands = matched_bands(bands, match_psf)
        lengths = [len(kernel) // 2 for kernel in self._kernels if kernel is not None]
        self._margin = max(lengths, default=0)

    def cut(self, first, rows, arrays, change):
        """
        Cut the stamps of other bands.

        Parameters
        ----------
        first : dict
            Arguments of `~astro_wgan.StampSet` for those of the band of the grid.
        rows : `~numpy.ndarray` of int, shape (m,), or None
            Which of all stamps these are; None for all.
        arrays : `~astro_wgan.bands.band_arrays.BandArrays`
            In which their arrays are put.
        change : callable or None
            What is changed in stamps that follow their sources before they are resampled.

        Returns
        -------
        dict of dict
            Arguments by band.
        """
        base, margin, cuts = self._sources[self._grid], self._margin, {}
        corner, maps = self._corner, self._maps
        if rows is not None:
            corner = corner[rows]
            maps = [None if place is None else place[rows] for place in maps]
        for k, (band, source) in enumerate(zip(self._bands, self._sources, strict=True)):
            cut = first
            if k != self._grid or margin or change is not None:
                how = {'fill_value': self._fill_value}
                on_grid = {'margin': margin, 'kernel': self._kernels[k], **how}
                if not self._is_scaled:
                    on_grid |= {'place': maps[k], 'new': arrays.of_band(k)}
                    cut = cut_on_grid(source, base, corner, self._shape, **on_grid)
                else:
                    function = functools.partial(cut_sections, source, base, maps[k], **on_grid)
                    geometry = first['geometry']
                    cut = resampled_cut(function, geometry, self._shape, change=change, **how)
                    band = replace(band, psf=None)
                pixel = {name: cut['meta'][name] for name in PIXEL_META if name in cut['meta']}
                kept = {n: value for n, value in first['meta'].items() if n not in PIXEL_META}
                cut = first | {name: cut[name] for name in _PIXELS if name in cut}
                cut['meta'] = kept | pixel
            # Now, so that no array of one band is kept beside that of all.
            in_place = {n: arrays.put(k, n, cut[n]) for n in _ARRAYS if cut[n] is not None}
            cuts[band] = cut | in_place
        return cuts
