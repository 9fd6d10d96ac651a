"""Which extension of a FITS file is the image, and what its header inherits."""

import numpy as np
import pytest
from astropy.io import fits

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.images.reading import describe_image

PIXELS = np.random.default_rng(1).normal(5, 1, size=(32, 40)).astype(np.float32)


def image(name, pixels=PIXELS, **cards):
    return fits.ImageHDU(pixels, fits.Header(cards), name=name)


def file_of(tmp_path, *hdus):
    path = tmp_path / 'image.fits'
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


@pytest.mark.parametrize(
    'before',
    [
        [image('WHT', 0 * PIXELS + 2)],
        [image('DQ', (0 * PIXELS).astype('i2'))],
        [image('ERR', 0 * PIXELS + 3), image('CTX', (0 * PIXELS).astype('i4'))],
        [image('', PIXELS[:4, :4])],
        [image('THUMBNAIL', PIXELS + 7)],
        [image('', PIXELS + 7)],
        [image('SCI_SEG', PIXELS + 7)],
    ],
)
def test_what_is_named_as_the_image_comes_before_what_is_not(tmp_path, before):
    path = file_of(tmp_path, *before, image('SCI'))
    assert np.array_equal(read_image(path).data, PIXELS)
    with fits.open(path) as hdulist:
        assert np.array_equal(read_image(hdulist).data, PIXELS)


@pytest.mark.parametrize(
    ('names', 'number'),
    [
        (['N1', 'N2', 'N3'], 0),
        (['WHT', 'CCD4'], 1),
        (['WHT', 'DQ'], 0),
        (['1-1.E.RMS', '1-1.E.SCI', '1-1.F.SCI'], 1),
        (['SCI2', 'SCI1'], 0),
        (['VAR_POISSON', 'g'], 1),
        (['IMAGE', 'IMAGE_SEG'], 0),
        (['SKY_IMAGE', 'IMAGE'], 1),
        (['PSFIMAGE', 'COADD'], 1),
    ],
)
def test_first_of_those_that_may_be_the_image(tmp_path, names, number):
    hdus = [image(name, PIXELS + k) for k, name in enumerate(names)]
    assert np.array_equal(read_image(file_of(tmp_path, *hdus)).data, PIXELS + number)


def test_a_mask_beside_a_cube_is_that_of_each_plane():
    cube = image('SCI', np.stack([PIXELS, PIXELS + 1]))
    flags = np.zeros(PIXELS.shape, 'i2')
    flags[2, 1] = 1
    hdus = fits.HDUList([fits.PrimaryHDU(), cube, image('DQ', flags)])
    with pytest.raises(ImageError, match='is a cube of shape'):
        read_image(hdus)
    for plane in range(2):
        found = read_image(hdus, plane=plane)
        assert np.array_equal(found.data, PIXELS + plane)
        assert np.argwhere(found.mask).tolist() == [[2, 1]]


@pytest.mark.parametrize('hdu', [9, 'SCI3', ('SCI', 9), ('SCI', 1, 2), 1.5])
def test_an_extension_that_is_not_there_is_named_beside_those_that_are(hdu):
    hdus = fits.HDUList([fits.PrimaryHDU(), image('SCI'), image('SCI', EXTVER=2), image('WHT')])
    with pytest.raises(ImageError, match='it has: 0 PRIMARY, 1 SCI,1, 2 SCI,2, 3 WHT'):
        read_image(hdus, hdu=hdu)


def test_a_small_image_without_name_before_a_large_one_is_a_thumbnail(tmp_path):
    path = tmp_path / 'image.fits'
    large = image('')
    fits.HDUList([fits.PrimaryHDU(PIXELS[:8, :10]), large]).writeto(path)
    assert read_image(path).shape == PIXELS.shape
    half = fits.HDUList([fits.PrimaryHDU(PIXELS[:16, :20]), large])
    assert read_image(half).shape == (16, 20)
    preview = fits.HDUList([fits.PrimaryHDU(PIXELS), image('IMAGE', PIXELS[:8, :10])])
    assert read_image(preview).shape == PIXELS.shape


def test_meta_says_what_was_taken_and_what_was_left(tmp_path):
    dq = (PIXELS > 6).astype('i4')
    path = file_of(
        tmp_path,
        image('SCI', EXTVER=1),
        image('ERR', 0 * PIXELS + 2, EXTVER=1),
        image('DQ', dq, EXTVER=1),
        image('WHT', 0 * PIXELS + 2, EXTVER=1),
        image('SCI', PIXELS[:9], EXTVER=2),
        image('ERR', PIXELS[:9], EXTVER=2),
    )
    meta = read_image(path).meta
    assert meta['HDU'] == '1 SCI,1 (32 x 40)'
    assert meta['HDUUNC'] == '2 ERR,1 (32 x 40): deviation'
    assert meta['HDUMASK'] == '3 DQ (32 x 40): bit 0'
    assert meta['HDUWHT'] == '4 WHT (32 x 40)'
    assert meta['HDULEFT'] == '5 SCI,2 (9 x 40), 6 ERR,2 (9 x 40)'


def test_what_was_said_of_an_earlier_file_is_not_said_of_a_copy(tmp_path):
    read = read_image(file_of(tmp_path, image('SCI'), image('SCI', EXTVER=2)), hdu=('SCI', 2))
    read.mask = PIXELS > 6
    read.write(tmp_path / 'copy.fits')
    again = read_image(tmp_path / 'copy.fits')
    assert again.meta['HDU'] == '0 PRIMARY (32 x 40)'
    assert 'HDULEFT' not in again.meta
    assert np.array_equal(again.mask, read.mask)


def primary_with_cards():
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            'TELESCOP': 'HST',
            'INSTRUME': 'ACS',
            'FILTER': 'F814W',
            'EXPTIME': 2028.0,
            'DATE-OBS': '2004-01-02',
            'PHOTFLAM': 7.0e-20,
            'BUNIT': 'Jy',
            'CRVAL1': 12.0,
            'CTYPE1': 'RA---TAN',
            'BLANK': -1,
            'OBJECT': 'of the file',
        }
    )
    primary.header.add_history('made by hand')
    return primary


def test_cards_of_the_primary_header_come_along():
    read = read_image(fits.HDUList([primary_with_cards(), image('SCI', OBJECT='of the chip')]))
    expected = {
        'TELESCOP': 'HST',
        'INSTRUME': 'ACS',
        'FILTER': 'F814W',
        'EXPTIME': 2028.0,
        'DATE-OBS': '2004-01-02',
        'PHOTFLAM': 7.0e-20,
        'OBJECT': 'of the chip',
    }
    assert {key: read.meta[key] for key in expected} == expected
    assert not {'CRVAL1', 'CTYPE1', 'BLANK', 'EXTEND', 'SIMPLE', 'HISTORY'} & set(read.meta)
    assert read.unit == ''
    assert read.wcs is None


def test_an_extension_says_what_it_inherits():
    all_of_it = fits.HDUList([primary_with_cards(), image('SCI', INHERIT=True)])
    assert read_image(all_of_it).unit == 'Jy'
    nothing = fits.HDUList([primary_with_cards(), image('SCI', INHERIT=False)])
    assert 'FILTER' not in read_image(nothing).meta


def test_an_inherited_header_can_be_written_and_read(tmp_path):
    read = read_image(fits.HDUList([primary_with_cards(), image('SCI')]))
    read.write(tmp_path / 'copy.fits')
    again = read_image(tmp_path / 'copy.fits')
    assert np.array_equal(again.data, PIXELS)
    assert again.meta['FILTER'] == 'F814W'


def test_what_was_read_is_described_in_lines():
    chips = [image(f'N{k}', PIXELS[:10]) for k in range(1, 63)]
    first = image('SCI')
    first.data = first.data.copy()
    first.data[:6] = 0
    weight = 0 * PIXELS + 1
    weight[-1] = 0
    read = read_image(fits.HDUList([fits.PrimaryHDU(), first, image('WHT', weight), *chips]))
    lines = describe_image(read)
    assert lines[0] == 'image: 1 SCI (32 x 40)'
    assert lines[1] == 'weight: 2 WHT (32 x 40)'
    assert lines[2].startswith('left out: 3 N1 (10 x 40), 4 N2 (10 x 40)')
    assert lines[2].endswith('8 N6 (10 x 40) and 56 more')
    assert lines[3:] == ['no data: 240 pixels that are 0', 'masked: 280 of 1,280 pixels']
    assert describe_image(read_image(PIXELS)) == []


def test_each_of_many_extensions_is_looked_at_a_few_times():
    asked = 0

    class Counted(fits.ImageHDU):
        @property
        def name(self):
            nonlocal asked
            asked += 1
            return fits.ImageHDU.name.fget(self)

    hdus = [Counted(PIXELS, fits.Header({'EXTNAME': f'CCD{k}'})) for k in range(200)]
    image = read_image(fits.HDUList([fits.PrimaryHDU(), *hdus]))
    assert image.meta['HDULEFT'].count('CCD') == 199
    assert asked < 20 * len(hdus)
    with pytest.raises(ImageError, match=r'it has: 0 PRIMARY, 1 CCD0, .*99 CCD98 and 101 more'):
        read_image(fits.HDUList([fits.PrimaryHDU(), *hdus]), hdu='SCI')
