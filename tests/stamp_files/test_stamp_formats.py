"""Stamps written to FITS and zarr and read again, by this package and by others."""

import gzip
import warnings

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.registry import IORegistryError
from astropy.table import MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from astropy.wcs import WCS, Sip
from numpy.testing import assert_array_equal

from astro_wgan import StampSet, StampStore
from astro_wgan.exceptions import ImageError, StampStoreError
from astro_wgan.stamps import Band
from astro_wgan.testing import make_stamps, make_wcs

FORMATS = ('fits', 'fits_images', 'zarr')


def plain():
    return make_stamps(4, shape=(9, 7))


def full():
    """Several bands, NaN, masks, uncertainties, WCS with distortions, and a table of many types."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(size=(4, 9, 7, 2)).astype(np.float32)
    pixels[1, 2, 3, 0] = np.nan
    mask = rng.random(pixels.shape) < 0.1
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    a[2, 0], b[1, 1] = 3e-5, -2e-5
    wcs = make_wcs((9, 7))
    wcs.wcs.ctype = ['RA---TAN-SIP', 'DEC--TAN-SIP']
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    table = QTable(
        {
            'id': ['a7', 'é', '', '12'],
            'sky': SkyCoord([1, 2, 3, 4], [5, 6, 7, 8], unit='deg'),
            'flux': Masked([1.0, np.nan, 3, 4] * u.nJy, mask=[False, False, True, False]),
            'kind': MaskedColumn(['x', '', 'z', 'w'], mask=[False, False, True, True]),
            'count': MaskedColumn([2**62, 5, -3, 1], mask=[False, True, False, False]),
            'small': np.array([-1, 2, 3, 4], dtype=np.int8),
            'large': np.array([0, 1, 2**63, 3], dtype=np.uint64),
            'usable': MaskedColumn([True, False, True, True], mask=[True, False, False, False]),
            'when': Time([50000, 50001, 50002, 50003], format='mjd'),
            'shape': np.arange(8.0).reshape(4, 2) * u.arcsec,
            'PIXELS_g': [1, 2, 3, 4],
            'Größe': [1.0, 2, 3, 4],
        }
    )
    return StampSet(
        pixels,
        uncertainty=np.abs(pixels) + 1,
        mask=mask,
        unit='nJy',
        bands=[Band('g', wavelength=480 * u.nm, zero_point=31.4, psf=np.eye(3)), Band('rot é')],
        wcs=[wcs, None, make_wcs((9, 7)), wcs],
        table=table,
        meta={'survey': 'deep', 'limits': [1, {'depth': 27.5 * u.ABmag}]},
    )


def resampled():
    stamps = make_stamps(3, shape=(8, 8), dtype=float, wcs=[make_wcs((8, 8))] * 3)
    return stamps.bin(2)


SETS = {
    'plain': plain,
    'one band': lambda: make_stamps(3, bands=1),
    'none': lambda: plain()[:0],
    'without unit': lambda: make_stamps(3, dtype=float, unit=None, pixel_scale=0.1 * u.arcsec),
    'half precision': lambda: make_stamps(3, dtype=np.float16),
    'resampled': resampled,
    'full': full,
}


@pytest.mark.parametrize('form', FORMATS)
@pytest.mark.parametrize('name', SETS)
def test_a_set_is_the_same_when_it_is_read_again(name, form, tmp_path):
    stamps = SETS[name]()
    path = tmp_path / f'stamps.{form}'
    stamps.write(path, format=form)
    read = StampSet.read(path)
    assert read == stamps
    assert read.meta == stamps.meta
    assert read.pixels.dtype == stamps.pixels.dtype
    assert read.pixels.dtype.isnative
    assert read.table.colnames == stamps.table.colnames
    for column in stamps.table.colnames:
        ours, theirs = stamps.table[column], read.table[column]
        assert type(theirs) is type(ours)
        assert_array_equal(np.ma.getmaskarray(theirs), np.ma.getmaskarray(ours))
    if name == 'full':
        x, y = [2.0, 6.0], [1.0, 8.0]
        assert_array_equal(read.wcs[0].all_pix2world(x, y, 0), stamps.wcs[0].all_pix2world(x, y, 0))


@pytest.mark.parametrize(
    ('name', 'form'),
    [('a.fits', 'fits'), ('a.FIT', 'fits'), ('a.fits.gz', 'fits'), ('a.zarr', 'zarr')],
)
def test_the_name_of_a_file_says_its_format(name, form, tmp_path):
    plain().write(tmp_path / name)
    assert StampSet.read(tmp_path / name, format=form) == plain()
    if name.endswith('gz'):
        with gzip.open(tmp_path / name) as file:
            assert file.read(6) == b'SIMPLE'


def test_a_store_is_written_as_a_set_is(tmp_path):
    store = StampStore.from_stamps(tmp_path / 'a.zarr', plain())
    store.write(tmp_path / 'b.fits')
    store.write(tmp_path / 'b.zarr', compression='lz4')
    assert StampSet.read(tmp_path / 'b.fits') == StampSet.read(tmp_path / 'b.zarr') == plain()


def test_a_store_is_not_lost_where_it_is_written_to_itself(tmp_path):
    store = StampStore.from_stamps(tmp_path / 'a.zarr', plain())
    with pytest.raises(ValueError, match='which would be lost'):
        store.write(tmp_path / 'b' / '..' / 'a.zarr', overwrite=True)
    assert StampSet.read(tmp_path / 'a.zarr') == plain()


def test_formats_are_in_the_registry_of_astropy(capsys):
    StampSet.read.list_formats()
    shown = capsys.readouterr().out
    assert all(name in shown for name in FORMATS)
    StampSet.write.list_formats()


def test_what_may_not_be_replaced_is_kept(tmp_path):
    path = tmp_path / 'a.fits'
    plain().write(path)
    with pytest.raises(FileExistsError, match=r'a\.fits exists: .*`overwrite`'):
        plain()[:2].write(path)
    assert len(StampSet.read(path)) == 4
    plain()[:2].write(path, overwrite=True)
    assert len(StampSet.read(path)) == 2
    (tmp_path / 'b.fits').mkdir()
    with pytest.raises(FileExistsError, match='is no file'):
        plain().write(tmp_path / 'b.fits', overwrite=True)


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(IORegistryError, match='must end in'):
        plain().write(tmp_path / 'a.h5')
    with pytest.raises(IORegistryError, match="`format` must be one of 'fits'"):
        plain().write(tmp_path / 'a.h5', format='hdf5')
    (tmp_path / 'a.txt').write_text('text')
    with pytest.raises(IORegistryError, match='neither a FITS file nor a store'):
        StampSet.read(tmp_path / 'a.txt')
    with pytest.raises(IORegistryError, match='a folder, but no store'):
        StampSet.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        StampSet.read(tmp_path / 'missing.fits')
    with pytest.raises(ValueError, match='URI'):
        plain().write('s3://bucket/a.fits')


def test_astropy_reads_the_table(tmp_path):
    stamps = full()
    stamps.write(tmp_path / 'a.fits')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        table = QTable.read(tmp_path / 'a.fits', hdu='STAMPS')
    assert_array_equal(table['sky'].ra.deg, stamps.table['sky'].ra.deg)
    assert table['pixels_1'].unit == u.nJy
    assert_array_equal(np.asarray(table['pixels_1'].value), stamps.pixels[..., 1])
    assert_array_equal(table['mask_1'], stamps.mask[..., 1])
    assert table['count'].mask.tolist() == [False, True, False, False]
    assert table['flux'].mask[2]


def test_an_image_and_its_wcs_are_those_of_the_stamp(tmp_path):
    stamps = full()
    stamps.write(tmp_path / 'a.fits', format='fits_images')
    with fits.open(tmp_path / 'a.fits') as hdulist:
        # Third stamp, first band.
        hdu = hdulist['SCI', 5]
        assert hdu.header['FILTER'] == 'g'
        assert hdu.header['BUNIT'] == 'nJy'
        assert_array_equal(hdu.data, stamps.pixels[2, ..., 0])
        assert_array_equal(hdulist['ERR', 5].data, stamps.uncertainty[2, ..., 0])
        assert_array_equal(hdulist['DQ', 5].data, stamps.mask[2, ..., 0])
        sky = WCS(hdu.header).pixel_to_world(3, 4)
        assert sky.separation(stamps.wcs[2].pixel_to_world(3, 4)) < 1e-9 * u.arcsec
        distorted = WCS(hdulist['SCI', 1].header)
        assert_array_equal(distorted.sip.a, stamps.wcs[0].sip.a)
        assert 'CTYPE1' not in hdulist['SCI', 3].header


def images_of_others(path, *, filters=('F814W',) * 3, science='SCI'):
    hdus = [fits.PrimaryHDU()]
    for k, name in enumerate(filters):
        header = make_wcs((6, 5)).to_header()
        header['CRVAL1'] = 150 + k
        header.update({'BUNIT': 'nJy', 'FILTER': name})
        pixels = np.random.default_rng(k).normal(size=(6, 5)).astype('>f4')
        hdus.append(fits.ImageHDU(pixels, header, name=science, ver=k + 1))
        hdus.append(fits.ImageHDU(np.full((6, 5), 0.5, '>f4'), name='ERR', ver=k + 1))
        bad = np.zeros((6, 5), np.int16)
        bad[0, k] = 1
        hdus.append(fits.ImageHDU(bad, name='DQ', ver=k + 1))
    fits.HDUList(hdus).writeto(path)
    return [hdu.data for hdu in hdus if hdu.name == science]


def test_images_of_a_cutout_service_are_stamps(tmp_path):
    images = images_of_others(tmp_path / 'a.fits')
    stamps = StampSet.read(tmp_path / 'a.fits')
    assert_array_equal(stamps.pixels, images)
    assert stamps.unit == u.nJy
    assert (stamps.uncertainty[stamps.valid] == 0.5).all()
    assert np.argwhere(stamps.mask).tolist() == [[0, 0, 0], [1, 0, 1], [2, 0, 2]]
    assert [round(wcs.wcs.crval[0]) for wcs in stamps.wcs] == [150, 151, 152]


def test_images_of_several_filters_are_bands(tmp_path):
    images = images_of_others(tmp_path / 'a.fits', filters=('g', 'r', 'g', 'r'))
    stamps = StampSet.read(tmp_path / 'a.fits')
    assert [band.name for band in stamps.bands] == ['g', 'r']
    assert_array_equal(stamps.pixels[..., 1], [images[1], images[3]])


def test_a_table_of_others_with_a_column_of_images_is_read(tmp_path):
    images = np.random.default_rng(0).normal(size=(3, 6, 5))
    table = QTable(
        {'object': ['a', 'b', 'c'], 'cutout': images * u.mJy, 'err': np.ones((3, 6, 5)) * u.mJy}
    )
    table.write(tmp_path / 'a.fits')
    stamps = StampSet.read(tmp_path / 'a.fits')
    assert_array_equal(stamps.pixels, images)
    assert stamps.unit == u.mJy
    assert (stamps.uncertainty == 1).all()
    assert stamps.table['object'].tolist() == ['a', 'b', 'c']


def test_a_file_without_stamps_is_refused(tmp_path):
    QTable({'id': [1, 2]}).write(tmp_path / 'a.fits')
    with pytest.raises(ImageError, match='neither a table with a column of images nor images'):
        StampSet.read(tmp_path / 'a.fits')


@pytest.mark.parametrize('form', ['fits', 'fits_images'])
def test_truncated_files_are_refused(form, tmp_path):
    full().write(tmp_path / 'a.fits', format=form)
    content = (tmp_path / 'a.fits').read_bytes()
    for size in np.linspace(1, len(content) - 2880, 25).astype(int):
        (tmp_path / 'b.fits').write_bytes(content[:size])
        with pytest.raises((ImageError, IORegistryError)):
            StampSet.read(tmp_path / 'b.fits')


@pytest.mark.parametrize('form', ['fits', 'fits_images'])
def test_changed_bytes_give_a_set_or_a_sentence(form, tmp_path):
    full().write(tmp_path / 'a.fits', format=form)
    content = np.frombuffer((tmp_path / 'a.fits').read_bytes(), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(40):
        changed = content.copy()
        at = rng.integers(160, len(content), size=30)
        changed[at] = rng.integers(32, 127, size=30)
        (tmp_path / 'b.fits').write_bytes(changed.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                read = StampSet.read(tmp_path / 'b.fits')
            except ImageError:
                continue
        assert len(read) == len(read.table)


def test_files_larger_than_allowed_are_refused(tmp_path):
    plain().write(tmp_path / 'a.fits')
    with pytest.raises(ImageError, match='max_size'):
        StampSet.read(tmp_path / 'a.fits', max_size=10_000)
    plain().write(tmp_path / 'a.zarr')
    with pytest.raises((StampStoreError, ValueError), match='max_size'):
        StampSet.read(tmp_path / 'a.zarr', max_size=100)


def test_files_of_later_versions_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr('astro_wgan.stamp_files.described_stamps._VERSION', 9)
    plain().write(tmp_path / 'a.fits')
    monkeypatch.undo()
    with pytest.raises(ImageError, match='later version'):
        StampSet.read(tmp_path / 'a.fits')


def test_too_many_images_are_refused(tmp_path):
    stamps = make_stamps(10_000, shape=(2, 2))
    with pytest.raises(ValueError, match="format='fits' writes one table"):
        stamps.write(tmp_path / 'a.fits', format='fits_images')
    assert not any(tmp_path.iterdir())
