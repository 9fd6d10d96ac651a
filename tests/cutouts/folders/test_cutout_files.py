"""Folders of FITS, JPEG and PNG cutouts, with a table beside."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning
from PIL import Image

from astro_wgan import StampSet, StampStore
from astro_wgan.cutouts.folders import cutout_files, stamp_reader
from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.stamps import Band
from astro_wgan.testing import assert_stamps_equal, make_stamps, make_wcs

CEERS = Path('/work/shared/data/real/ceers')
GALAXY_ZOO = Path('/work/shared/data/real/sdss_gz1/stamps.npz')


def pixels_of(k, shape=(20, 20)):
    return np.random.default_rng(k).normal(10, 1, size=shape).astype('f4')


def write(folder, k, shape=(20, 20), *, name=None, unit='nJy', pixels=None, **options):
    pixels = pixels_of(k, shape) if pixels is None else pixels
    image = CCDData(pixels, unit=unit, wcs=make_wcs(shape), **options)
    path = folder / (name or f'galaxy_{k}.fits')
    image.write(path)
    return path


def read(paths, **options):
    return StampSet.from_files(paths, progress=False, **options)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'cutouts'
    folder.mkdir()
    for k in range(4):
        write(folder, k)
    (folder / 'notes.txt').write_text('no image')
    return folder


def test_a_folder_is_read_in_order(folder):
    stamps = read(folder)
    assert stamps.ids.tolist() == [f'galaxy_{k}' for k in range(4)]
    assert stamps.table['file'].tolist() == [str(folder / f'galaxy_{k}.fits') for k in range(4)]
    assert set(stamps.table['status']) == {'read'}
    assert stamps.unit == u.nJy
    assert stamps.mask is None
    for k in range(4):
        assert np.array_equal(stamps.pixels[k], pixels_of(k))
        assert np.array_equal(stamps.wcs[k].wcs.crpix, make_wcs((20, 20)).wcs.crpix)
    assert stamps.pixel_scale.value == pytest.approx(0.06)
    assert stamps.meta['provenance']['files'] == 4


def test_patterns_and_lists(folder):
    assert read(str(folder / 'galaxy_[13].fits')).ids.tolist() == ['galaxy_1', 'galaxy_3']
    assert len(read(str(folder.parent / '**' / '*.fits'))) == 4
    files = [folder / 'galaxy_2.fits', str(folder / 'galaxy_0.fits')]
    assert read(files).ids.tolist() == ['galaxy_2', 'galaxy_0']
    assert len(read(files[0])) == 1


@pytest.mark.parametrize('shape', [(20, 20), (31, 14), (21, 20), (8, 9)])
@pytest.mark.parametrize('size', [16, 17, (24, 25), 1.2 * u.arcsec])
def test_sizes_are_those_of_crop_and_pad(tmp_path, shape, size):
    write(tmp_path, 0, shape)
    stamps = read(tmp_path, size=size)
    ny, nx = stamps.shape
    right = read(tmp_path).crop((min(ny, shape[0]), min(nx, shape[1]))).pad((ny, nx))
    for name in ('pixels', 'valid'):
        assert np.array_equal(getattr(stamps, name), getattr(right, name), equal_nan=True)
    assert stamps.wcs[0].wcs.crpix == pytest.approx(right.wcs[0].wcs.crpix)


def test_images_of_various_sizes_need_a_size(folder):
    write(folder, 9, (30, 24))
    with pytest.raises(ValueError, match=r'such as \(20, 20\) \(galaxy_0.fits\) and \(30, 24\)'):
        read(folder)
    assert read(folder, size=22).shape == (22, 22)


def test_unreadable_files_cost_one_row(folder):
    whole = read(folder, size=18)
    damaged = folder / 'galaxy_0.fits'
    damaged.write_bytes(damaged.read_bytes()[:3000])
    (folder / 'galaxy_2.fits').write_bytes(b'')
    write(folder, 5, unit='adu')
    write(folder, 6, unit='mJy')
    stamps = read(folder, size=18)
    status = stamps.table['status'].tolist()
    assert [text == 'read' for text in status] == [False, True, False, True, False, True]
    assert 'truncated' in status[0]
    assert 'convertible' in status[4]
    bad = np.array([text != 'read' for text in status])
    assert not stamps.valid[bad].any()
    assert stamps.valid[~bad].all()
    assert np.array_equal(stamps.pixels[[1, 3]], whole.pixels[[1, 3]])
    assert stamps.pixels[5] == pytest.approx(
        1e6 * read([folder / 'galaxy_6.fits'], size=18).pixels[0]
    )


def test_a_missing_file_costs_one_row(folder):
    stamps = read([folder / 'galaxy_1.fits', folder / 'nothing.fits'])
    assert 'nothing.fits' in stamps.table['status'][1]


def test_masks_and_uncertainties_are_kept(tmp_path):
    mask = np.zeros((20, 20), dtype=bool)
    mask[3, 4] = True
    noise = np.full((20, 20), 0.5, dtype='f4')
    write(tmp_path, 0, mask=mask, uncertainty=StdDevUncertainty(noise))
    write(tmp_path, 1)
    stamps = read(tmp_path, size=24)
    assert not stamps.valid[0, 5, 6]
    assert stamps.uncertainty[0][stamps.valid[0]] == pytest.approx(0.5)
    assert np.isinf(stamps.uncertainty[1][stamps.valid[1]]).all()
    assert np.count_nonzero(stamps.valid[0]) == 399


def test_pictures(tmp_path):
    colors = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(colors).save(tmp_path / 'a.png')
    Image.fromarray(colors[..., 0]).save(tmp_path / 'b.png')
    Image.fromarray(np.full((16, 16, 3), 99, dtype=np.uint8)).save(tmp_path / 'c.JPG')
    gray = read(tmp_path)
    assert gray.ids.tolist() == ['a', 'b', 'c']
    assert gray.n_bands is None
    assert gray.pixels[2] == pytest.approx(99, abs=1)
    bands = read(tmp_path, bands=['r', 'g', 'b'])
    assert bands.bands == tuple(Band(name) for name in 'rgb')
    assert np.array_equal(bands['g'].pixels[0], colors[..., 1])
    # A gray picture has no colors, wherever it is.
    assert bands.table['status'][1] == 'The image has 1 plane, that of a.png has 3.'
    assert not bands.valid[1].any()
    order = [tmp_path / name for name in ('b.png', 'a.png', 'c.JPG')]
    assert_stamps_equal(read(order, bands=['r', 'g', 'b']), bands[[1, 0, 2]])


def test_planes_of_cubes_become_bands(tmp_path):
    cube = np.stack([pixels_of(k) for k in range(3)])
    fits.PrimaryHDU(cube).writeto(tmp_path / 'a.fits')
    stamps = read(tmp_path, bands=['g', 'r', 'i'])
    assert stamps.pixels.shape == (1, 20, 20, 3)
    assert np.array_equal(stamps['r'].pixels[0], cube[1])
    assert read(tmp_path).n_bands == 3
    assert np.array_equal(read(tmp_path, plane=2).pixels[0], cube[2])


@pytest.mark.parametrize('count', [1, 2, 5])
def test_cubes_of_more_or_fewer_planes_cost_one_row(tmp_path, count):
    for name, planes in (('a', 3), ('b', count)):
        cube = np.ones((planes, 9, 9)) + np.arange(planes)[:, np.newaxis, np.newaxis]
        fits.PrimaryHDU(cube).writeto(tmp_path / f'{name}.fits')
    stamps = read(tmp_path)
    planes = '1 plane' if count == 1 else f'{count} planes'
    assert stamps.table['status'][1] == f'The image has {planes}, that of a.fits has 3.'
    assert stamps.valid.all(axis=(1, 2, 3)).tolist() == [True, False]


def test_cubes_with_colors_last_are_refused(tmp_path):
    fits.PrimaryHDU(np.ones((20, 20, 3))).writeto(tmp_path / 'a.fits')
    with pytest.raises(ImageError, match='planes of a cube must come first'):
        read(tmp_path)


@pytest.mark.parametrize('empty', [0, 1])
def test_bands_without_data_are_masked(tmp_path, empty):
    cube = np.stack([pixels_of(k) for k in range(2)])
    fits.PrimaryHDU(cube).writeto(tmp_path / 'b.fits')
    cube[empty] = np.nan
    fits.PrimaryHDU(cube).writeto(tmp_path / 'a.fits')
    fits.PrimaryHDU(np.full_like(cube, np.nan)).writeto(tmp_path / 'c.fits')
    stamps = read(tmp_path)
    assert [text == 'read' for text in stamps.table['status']] == [True, True, False]
    assert stamps.valid.all(axis=(1, 2))[:, empty].tolist() == [False, True, False]
    assert stamps.valid.all(axis=(1, 2))[:, 1 - empty].tolist() == [True, True, False]


def test_a_file_that_fails_in_its_second_plane_leaves_nothing(tmp_path, monkeypatch):
    for name in 'ab':
        science, noise = pixels_of(0, (2, 9, 9)), np.ones((2, 9, 9), dtype='f4')
        hdus = [fits.ImageHDU(science, name='SCI'), fits.ImageHDU(noise, name='ERR')]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / f'{name}.fits')

    def failing(file, **options):
        if file.name == 'b.fits' and options['plane'] == 1:
            raise OSError('the disk is broken')
        return read_image(file, **options)

    monkeypatch.setattr(stamp_reader, 'read_image', failing)
    stamps = read(tmp_path)
    assert stamps.table['status'].tolist() == ['read', 'the disk is broken']
    for values in (stamps.pixels, stamps.uncertainty):
        assert np.isnan(values[1]).all()
        assert np.isfinite(values[0]).all()


def test_names_may_hold_any_characters(tmp_path):
    for name in ('gälaxie ☉', 'a[1]', 'b*'):
        write(tmp_path, 0, name=f'{name}.fits')
    assert read(tmp_path).ids.tolist() == ['a[1]', 'b*', 'gälaxie ☉']
    for name in ('a[1]', 'b*'):
        assert read(str(tmp_path / f'{name}.fits')).ids.tolist() == [name]


def test_other_pixel_scales_are_a_warning(tmp_path):
    for k, scale in enumerate((0.1, 0.1005, 0.3)):
        wcs = make_wcs((9, 9), pixel_scale=scale * u.arcsec)
        CCDData(np.ones((9, 9)), unit='nJy', wcs=wcs).write(tmp_path / f'{k}.fits')
    with pytest.warns(AstropyUserWarning, match=r'in 1 of the files, such as 2.fits \(0.3 arcsec'):
        read(tmp_path)


def test_uncertainties_that_are_left_out_are_a_warning(tmp_path):
    write(tmp_path, 0)
    write(tmp_path, 1, uncertainty=StdDevUncertainty(np.ones((20, 20), dtype='f4')))
    words = r'of 1 of the files, such as galaxy_1.fits, is left out, since galaxy_0.fits'
    with pytest.warns(AstropyUserWarning, match=words):
        assert read(tmp_path).uncertainty is None


def test_a_warning_of_all_files_is_given_once(tmp_path, monkeypatch):
    monkeypatch.setitem(cutout_files.batches_of_files.__kwdefaults__, 'batch_size', 2)
    for k in range(5):
        header = fits.Header({'BUNIT': 'nonsense'})
        fits.PrimaryHDU(np.ones((9, 9)), header).writeto(tmp_path / f'{k}.fits')
    with pytest.warns(AstropyUserWarning, match='nonsense') as caught:
        read(tmp_path)
    assert len(caught) == 1


def test_stamps_larger_than_the_memory_are_refused(folder):
    with pytest.raises(ValueError, match=r'4 stamps of 900000 x 900000 pixels would take .* TiB'):
        read(folder, size=900_000)


@pytest.mark.parametrize(
    'names',
    [
        {
            'filename': [
                'galaxy_3.fits',
                'galaxy_1.fits',
                'galaxy_0.fits',
                'galaxy_2.fits',
                'x.fits',
            ]
        },
        {'Path': ['a/galaxy_3.fits', 'b/galaxy_1', 'galaxy_0', 'galaxy_2', 'more']},
        {'id': ['galaxy_3', 'galaxy_1', 'galaxy_0', 'galaxy_2', 'more']},
        {'OBJID': ['galaxy_3', 'galaxy_1', 'galaxy_0', 'galaxy_2', 'more']},
    ],
)
def test_rows_of_a_table_are_found_by_name(folder, tmp_path, names):
    table = Table({**names, 'z': [0.3, 0.1, 0.0, 0.2, 9.0]})
    stamps = read(folder, table=table)
    assert stamps.table['z'].tolist() == [0.0, 0.1, 0.2, 0.3]
    assert stamps.ids.tolist() == [f'galaxy_{k}' for k in range(4)]
    table.write(tmp_path / 'table.csv')
    assert read(folder, table=tmp_path / 'table.csv').table['z'].tolist() == [0.0, 0.1, 0.2, 0.3]


def test_rows_of_a_table_are_in_order_otherwise(folder):
    stamps = read(folder, table=Table({'id': [7, 5, 3, 1], 'z': [1, 2, 3, 4]}))
    assert stamps.ids.tolist() == [7, 5, 3, 1]
    assert stamps.table['z'].tolist() == [1, 2, 3, 4]


def test_numbers_of_objects_are_names_of_files(tmp_path):
    for k in (587722952230174996, 587722952230175035):
        write(tmp_path, k % 100, name=f'{k}.fits')
    table = Table({'objid': [587722952230175035, 587722952230174996], 'z': [0.2, 0.1]})
    assert read(tmp_path, table=table).table['z'].tolist() == [0.1, 0.2]


@pytest.mark.parametrize('column', ['file', 'id'])
def test_numbers_in_a_table_keep_no_leading_zeros(tmp_path, column):
    for k in range(3):
        write(tmp_path, k, name=f'{k:04d}.fits')
    (tmp_path / 'a.csv').write_text(f'{column},z\n0002,0.2\n0001,0.1\n0000,0.0\n')
    assert read(tmp_path, table=tmp_path / 'a.csv').table['z'].tolist() == [0.0, 0.1, 0.2]


@pytest.mark.parametrize(
    'names',
    [
        ['y/a.fits', 'x/a.fits', 'a.png', 'a.fits'],
        ['y/a', 'x/a', 'a.png', 'a.fits'],
        [b'folder/y/a.fits', b'folder/x/a.fits', b'a.png', b'folder/a.fits'],
    ],
)
def test_folders_and_suffixes_tell_files_of_one_name_apart(tmp_path, names):
    files = [tmp_path / 'folder' / name for name in ('a.fits', 'a.png', 'x/a.fits', 'y/a.fits')]
    for k, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        if file.suffix == '.png':
            Image.fromarray(np.ones((9, 9), dtype=np.uint8)).save(file)
        else:
            write(file.parent, k, name=file.name)
    table = Table({'file': names, 'id': [3, 2, 1, 0]})
    assert read(files, size=9, table=table).ids.tolist() == [0, 1, 2, 3]


def test_a_row_is_that_of_one_file(tmp_path):
    files = [write(tmp_path, 0, name=name) for name in ('7.fits', '07.fits')]
    with pytest.raises(ValueError, match=r'id 7 is that of .*/7.fits and of .*/07.fits'):
        read(files, table=Table({'id': [7, 8]}))


@pytest.mark.parametrize(
    ('table', 'words'),
    [
        (
            {'file': ['galaxy_0', 'galaxy_1', 'galaxy_3']},
            r'1 have none in its column .*galaxy_2.fits',
        ),
        (
            {'file': ['a', 'b', 'c', 'd']},
            r'4 have none in its column .*galaxy_0.fits',
        ),
        ({'z': [1, 2, 3]}, 'a row for each of the 4 files.*got 3 rows with the columns z'),
        (
            {'file': ['galaxy_0', 'galaxy_0', 'galaxy_1', 'galaxy_2', 'galaxy_3']},
            'Two rows .*galaxy_0',
        ),
        ({'id': [1, 2, 2, 3]}, r'id of its own; got 2 of .*galaxy_1.fits and of .*galaxy_2.fits'),
    ],
)
def test_tables_that_do_not_fit(folder, table, words):
    with pytest.raises(ValueError, match=words):
        read(folder, table=Table(table))


def test_two_files_of_one_id(folder):
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(folder / 'galaxy_1.png')
    with pytest.raises(ValueError, match=r"'galaxy_1' of .*galaxy_1.fits and of .*galaxy_1.png"):
        read(folder, size=8)


@pytest.mark.parametrize(
    ('paths', 'words'),
    [
        ('empty', 'the folder .*empty holds no .fits'),
        ('empty/*.fits', r'no file matches .*empty/\*.fits'),
        ([], 'at least one file; got none'),
    ],
)
def test_no_files(tmp_path, paths, words):
    (tmp_path / 'empty').mkdir()
    paths = tmp_path / paths if isinstance(paths, str) else paths
    with pytest.raises(ValueError, match=words):
        read(paths)


def test_no_readable_file(tmp_path):
    (tmp_path / 'a.fits').write_bytes(b'nothing')
    with pytest.raises(ImageError, match=r'None of the 1 files can be read. .*a.fits'):
        read(tmp_path)
    with pytest.raises(TypeError, match='`paths` must be a folder'):
        read(3)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'size': 0}, '`size` must be a number of pixels'),
        ({'size': 3 * u.kg}, 'in pixels or an angle'),
        ({'size': (3 * u.arcsec, 4 * u.arcsec)}, 'as one Quantity, such as'),
        ({'layout': 'unknown'}, 'unknown'),
        ({'zeros': 'all'}, '`zeros` must be'),
    ],
)
def test_arguments_are_checked_before_files_are_read(folder, options, words):
    with pytest.raises(ValueError, match=words):
        read(folder, **options)


def test_sizes_as_angles_need_a_pixel_scale(tmp_path):
    Image.fromarray(np.ones((8, 8), dtype=np.uint8)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='pixel scale is not known'):
        read(tmp_path, size=1 * u.arcsec)
    assert read(tmp_path, size=1 * u.arcsec, pixel_scale=0.1 * u.arcsec).shape == (10, 10)


def test_many_files_go_to_a_store(folder, tmp_path, monkeypatch):
    (folder / 'galaxy_2.fits').write_bytes(b'')
    monkeypatch.setitem(cutout_files.batches_of_files.__kwdefaults__, 'batch_size', 2)
    store = StampStore.from_files(tmp_path / 'a.zarr', folder, size=24, progress=False)
    assert len(store) == 4
    right = read(folder, size=24)
    assert_stamps_equal(store, right)
    with pytest.raises(FileExistsError):
        StampStore.from_files(tmp_path / 'a.zarr', folder, size=24, progress=False)


def test_a_store_is_closed_after_an_error(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(cutout_files.batches_of_files.__kwdefaults__, 'batch_size', 2)
    write(folder, 9, (30, 24))
    with pytest.raises(ValueError, match='images of various sizes'):
        StampStore.from_files(tmp_path / 'a.zarr', folder, progress=False)
    with StampStore.open(tmp_path / 'a.zarr', 'a') as store:
        assert store.shape == (20, 20)
    again = StampStore.from_files(tmp_path / 'a.zarr', folder, size=8, overwrite=True)
    assert len(again) == 5


@pytest.mark.skipif(not CEERS.exists(), reason='needs the stamps of CEERS')
def test_stamps_of_ceers():
    stamps = read(str(CEERS / 'ceers_f115w_*.fits'), size=64)
    assert len(stamps) > 3
    assert set(stamps.table['status']) == {'read'}
    assert stamps.valid.any(axis=(1, 2)).all()
    assert stamps.pixel_scale is not None


@pytest.mark.skipif(not GALAXY_ZOO.exists(), reason='needs the galaxies of SDSS')
def test_jpegs_of_sdss(tmp_path):
    with np.load(GALAXY_ZOO) as file:
        images, ids = file['images'][:12], file['ids'][:12]
    for image, name in zip(images, ids, strict=True):
        Image.fromarray(image).save(tmp_path / f'{name}.jpg', quality=95)
    stamps = read(tmp_path, bands=['r', 'g', 'b'], size=50)
    assert stamps.shape == (50, 50)
    order = np.argsort(ids)
    assert stamps.ids.tolist() == ids[order].tolist()
    # JPEG loses some of the contrast of adjacent pixels.
    assert np.abs(stamps.pixels - images[order][:, 7:57, 7:57]).mean() < 5


def test_it_takes_stamps_written_as_fits(tmp_path):
    stamps = make_stamps(3, wcs=[make_wcs((32, 32))] * 3)
    for k, image in enumerate(stamps.to_ccddata()):
        image.write(tmp_path / f'{k}.fits')
    found = read(tmp_path)
    assert np.array_equal(found.pixels, stamps.pixels)
    assert found.unit == stamps.unit


def tile(folder, name, zero_point, pixels, deviation=2.0):
    """A cutout of the Dark Energy Survey."""
    cards = {} if zero_point is None else {'MAGZERO': zero_point}
    hdus = [
        fits.ImageHDU(pixels, fits.Header(cards), name='SCI'),
        fits.ImageHDU(np.zeros(pixels.shape, 'i4'), name='MSK'),
        fits.ImageHDU(np.full(pixels.shape, deviation**-2, 'f4'), name='WGT'),
    ]
    path = folder / f'{name}.fits'
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def test_stamps_have_the_zero_point_of_the_first_file(tmp_path):
    # The same galaxy, in units of which one is 2.5 mag brighter.
    paths = [
        tile(tmp_path, 'a', 30.0, pixels_of(0)),
        tile(tmp_path, 'b', 27.5, pixels_of(0) / 10, 0.2),
    ]
    stamps = read(paths)
    assert [band.zero_point for band in stamps.bands] == [30 * u.ABmag]
    assert np.allclose(stamps.pixels[1], stamps.pixels[0], rtol=1e-6)
    assert np.allclose(stamps.uncertainty, 2)
    named = read(paths[::-1], bands=['r'])
    assert [(band.name, band.zero_point.value) for band in named.bands] == [('r', 27.5)]
    assert np.allclose(named.pixels, pixels_of(0) / 10, rtol=1e-6)
    given = read(paths, bands=[Band('r', zero_point=25)])
    assert given.bands[0].zero_point == 25 * u.ABmag
    assert np.array_equal(given.pixels[1], pixels_of(0) / 10)
    assert read(paths, layout=None).bands == ()
    store = StampStore.from_files(tmp_path / 'store', paths, progress=False)
    assert np.array_equal(store[:].pixels, stamps.pixels)
    assert store.bands == stamps.bands


def test_a_file_without_zero_point_beside_others(tmp_path):
    paths = [tile(tmp_path, 'a', 30.0, pixels_of(0)), tile(tmp_path, 'b', None, pixels_of(1))]
    with pytest.warns(AstropyUserWarning, match=r'that of the first file, 30\.000 mag'):
        stamps = read(paths)
    assert np.array_equal(stamps.pixels[1], pixels_of(1))
    assert read(paths[::-1]).bands == ()
