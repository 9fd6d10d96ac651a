"""`write_mock`: mock images as FITS files."""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from astro_wgan.files.atomic import atomic_write
from astro_wgan.fits.header_cards import card_value

__all__ = ['write_mock']


def write_mock(path, stamps, row, instrument, *, noise_free=None):
    """
    Write a mock image to a FITS file, atomically.

    Parameters
    ----------
    path : path-like
        Path of the FITS file; an existing one is replaced.
    stamps : `~astro_wgan.StampSet`
        Result of `observe` or `mock_stamps`.
    row : int
        Index of the stamp.
    instrument : `Instrument`
        Instrument of the mock image.
    noise_free : `~astro_wgan.StampSet`, optional
        The same stamps without noise, written to an extension.

    Notes
    -----
    The image is in electron / s, with the zero point in ``MAGZERO``. The WCS has the correct pixel
    scale and an arbitrary position, right ascension and declination 0.
    """
    header = _wcs(stamps.shape, instrument).to_header()
    table = stamps.table[row]
    header['BUNIT'] = 'electron/s'
    header['INSTRUME'] = card_value(instrument.name)
    header['MAGZERO'] = (instrument.zero_point, 'AB magnitude of 1 electron/s')
    header['EXPTIME'] = (instrument.exposure_time.value, 's')
    header['REDSHIFT'] = card_value(table['redshift'])
    header['MAG'] = (_finite(table['magnitude'].value), 'total AB magnitude of the galaxy')
    header['KPCPIX'] = (card_value(table['pixel_size']), 'kpc per pixel')
    header['WLREST'] = (
        card_value(table['rest_wavelength']),
        'rest-frame wavelength of the filter, nm',
    )
    header['BANDMTCH'] = (card_value(table['band_match']), 'how the light there is obtained')
    hdus = [fits.PrimaryHDU(stamps.pixels[row], header)]
    if noise_free is not None:
        hdus.append(fits.ImageHDU(noise_free.pixels[row], header, name='NOISEFREE'))
    hdus.append(fits.ImageHDU(stamps.psf.astype(np.float32), name='PSF'))
    with atomic_write(path) as temporary:
        fits.HDUList(hdus).writeto(temporary, overwrite=True)


def _wcs(shape, instrument):
    wcs = WCS(naxis=2)
    degrees = instrument.pixel_scale.value / 3600
    wcs.wcs.ctype = ['RA---TAN', 'DEC--TAN']
    wcs.wcs.crpix = [(edge + 1) / 2 for edge in shape[::-1]]
    wcs.wcs.cdelt = [-degrees, degrees]
    return wcs


def _finite(magnitude):
    """The magnitude, or 99 if it is infinite, which FITS headers cannot contain."""
    return float(magnitude) if np.isfinite(magnitude) else 99.0
