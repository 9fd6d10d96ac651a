"""Files of mock images, whatever their rows and instruments are called."""

from dataclasses import replace

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData

from astro_wgan import StampSet
from astro_wgan.images import read_image
from astro_wgan.mocks import get_instrument
from astro_wgan.mocks.fits_output import write_mock


def test_files_are_written_and_read_whatever_the_row_holds(tmp_path):
    table = {
        'redshift': [np.nan],
        'magnitude': [np.inf] * u.ABmag,
        'pixel_size': [np.nan] * u.kpc,
        'rest_wavelength': [500.0] * u.nm,
        'band_match': ['Müller’s “i” ' + 'b' * 90],
    }
    pixels = np.arange(16.0, dtype=np.float32).reshape(1, 4, 4)
    stamps = StampSet(pixels, unit='electron/s', psf=np.eye(3), table=table)
    instrument = replace(get_instrument('hst_acs_f814w'), name='Hübble')
    path = tmp_path / 'mock.fits'
    write_mock(path, stamps, 0, instrument, noise_free=stamps)

    header = fits.getheader(path)
    assert header['REDSHIFT'] == header['KPCPIX'] == 'nan'
    assert header['WLREST'] == 500
    for key, text in (('INSTRUME', 'Hübble'), ('BANDMTCH', table['band_match'][0])):
        assert header[key].encode().decode('unicode_escape') == text
    for image in (read_image(path), CCDData.read(path)):
        assert image.unit == u.electron / u.s
        assert np.array_equal(image.data, pixels[0])
    assert u.isclose(read_image(path).wcs.proj_plane_pixel_scales()[0], 0.03 * u.arcsec)
