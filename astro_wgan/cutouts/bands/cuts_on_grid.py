"""Stamps of a band on the pixels of another, and with the PSF of another."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from astro_wgan.bands.band import band_number
from astro_wgan.cutouts.bands.psf_matching import broadest_psf, convolve_parts, matching_kernel
from astro_wgan.cutouts.bands.regridding import ImageParts, PixelMap
from astro_wgan.cutouts.reprojection import resampled_psf
from astro_wgan.images.fits_sections import new_array
from astro_wgan.units.pixel_flux import holds_flux

__all__ = ['band_on_grid', 'cut_on_grid', 'cut_sections', 'matched_bands']


def band_on_grid(band, place):
    """A band with its PSF on the pixels of the grid."""
    if band.psf is None or place is None or place.same_pixels() is not None:
        return band
    return replace(band, psf=resampled_psf(band.psf, place.typical_step))


def matched_bands(bands, match_psf):
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


def cut_on_grid(source, base, corner, shape, *, place, margin, kernel, fill_value, new=new_array):
    """Stamps of a band on the pixels of another, convolved with a kernel."""
    corner, wide = corner - margin, tuple(edge + 2 * margin for edge in shape)
    if place is not None:
        if margin:
            place = PixelMap(base.wcs, corner, wide, source.wcs, source.shape)
        same = place.same_pixels()
        if same is not None:
            corner, place = same, None
    if place is None and kernel is None and not margin:
        return source.cut_at(corner, wide, fill_value, new)
    at, size = (corner, wide) if place is None else place.sections()
    cut = source.cut_at(at, size, fill_value)
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


def cut_sections(source, base, place, at, shape, **how):
    """Stamps of a band at any pixels of another: as those of `cut_on_grid`, not of their map."""
    if place is not None:
        place = PixelMap(base.wcs, at, shape, source.wcs, source.shape)
    return cut_on_grid(source, base, at, shape, place=place, **how)


def _valid(cut):
    valid = np.isfinite(cut['pixels'])
    return valid if cut['mask'] is None else valid & ~cut['mask']
