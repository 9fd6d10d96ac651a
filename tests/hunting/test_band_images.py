"""Images of a hunt in several bands: names, files and what is refused."""

import re

import fsspec
import numpy as np
import pytest
from astropy.nddata import CCDData
from PIL import Image

from astro_wgan import HuntConfig, hunt
from astro_wgan.cli import main
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting import pipeline
from astro_wgan.hunting.band_images import band_names, images_by_band
from astro_wgan.hunting.field import read_field
from astro_wgan.images import RemoteFiles

CONFIG = HuntConfig(size=16, detection=DetectionConfig(5.0), iterations=2, classifier=None)
PLACES = np.array([(x, y) for x in range(20, 240, 24) for y in range(20, 240, 24)])
#: Flux of the sources by band.
FLUX = {'g': 1.0, 'r': 2.0, 'i': 4.0}


def field_image(band, *, seed=0, shape=(256, 256)):
    y, x = np.indices(shape)
    pixels = np.random.default_rng(seed + len(band) + ord(band[0])).normal(size=shape)
    for x0, y0 in PLACES:
        pixels += 60 * FLUX[band] * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 2 / 1.5**2)
    return CCDData(pixels.astype(np.float32), unit='nJy')


@pytest.fixture(scope='module')
def images():
    return {band: field_image(band) for band in FLUX}


@pytest.fixture(scope='module')
def paths(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp('bands')
    paths = [folder / f'field_{band}_1.fits' for band in images]
    for path, image in zip(paths, images.values(), strict=True):
        image.write(path)
    return paths


def read(image, config=CONFIG, *, bands=None, positions=None, **reading):
    return read_field(image, config, bands=bands, positions=positions, progress=False, **reading)


@pytest.mark.parametrize(
    ('files', 'names'),
    [
        (['g.fits', 'r.fits.fz'], ['g', 'r']),
        (['a/KiDS_u_1.fits', 'b/KiDS_Ks_1.fits'], ['u', 'Ks']),
        (['hst-f606w-drz.fits', 'hst-f814w-drz.fits'], ['f606w', 'f814w']),
        (['img_g.fits', 'img_gr.fits'], ['g', 'gr']),
        (['night_1_g.fits', 'night_2_r.fits'], ['1_g', '2_r']),
        (['a/image.fits', 'b/image.fits'], ['0', '1']),
        (['one.fits'], ['one']),
        (['https://h/a_g.fits?s=a/x.y', 's3://b/t/a_r.fits'], ['g', 'r']),
        (['x.fits', np.zeros((3, 3))], ['0', '1']),
    ],
)
def test_bands_are_called_by_what_differs_in_the_names_of_files(files, names):
    assert band_names(files) == names


def test_all_ways_to_give_bands_are_the_same(images, paths):
    expected = read(images).stamps
    assert [band.name for band in expected.bands] == ['g', 'r', 'i']
    assert expected.pixels.shape == (len(PLACES), 16, 16, 3)
    ways = [
        read(paths),
        read(list(images.values()), bands=['g', 'r', 'i']),
        read(dict(zip(images, paths, strict=True))),
    ]
    for way in ways:
        np.testing.assert_array_equal(way.stamps.pixels, expected.pixels)
        assert way.stamps.bands == expected.bands
    assert [told['band'] for told in ways[0].images] == ['g', 'r', 'i']
    assert [told['source'] for told in ways[0].images] == [str(path) for path in paths]
    bright = expected.pixels.max(axis=(0, 1, 2))
    np.testing.assert_allclose(bright / bright[0], [1, 2, 4], rtol=0.1)


def test_images_may_be_at_uris(paths):
    filesystem = fsspec.filesystem('memory')
    uris = [f'memory://sky/{path.name}' for path in paths]
    for uri, path in zip(uris, paths, strict=True):
        filesystem.pipe(uri, path.read_bytes())
    found = read(uris, remote=RemoteFiles(retries=0))
    np.testing.assert_array_equal(found.stamps.pixels, read(paths).stamps.pixels)
    assert [told['source'] for told in found.images] == uris
    assert [told['band'] for told in found.images] == ['g', 'r', 'i']
    with pytest.raises(FileNotFoundError, match=r"The file of band 'z', memory://sky/z.fits, is"):
        read({'g': uris[0], 'z': 'memory://sky/z.fits'})
    with pytest.raises(ValueError, match=r'are the same file, memory://sky/field_g_1.fits'):
        read({'g': uris[0], 'r': uris[0]})


def test_planes_of_a_cube_and_colors_of_a_picture_are_bands(images, tmp_path):
    expected = read(images).stamps
    cube = np.stack([image.data for image in images.values()])
    stamps = read(cube, bands=['g', 'r', 'i']).stamps
    np.testing.assert_array_equal(stamps.pixels, expected.pixels)
    colors = np.clip(np.moveaxis(cube, 0, 2) / 2 + 20, 0, 255).astype(np.uint8)
    Image.fromarray(colors).save(tmp_path / 'picture.png')
    found = read(tmp_path / 'picture.png', bands=['R', 'G', 'B'])
    assert [band.name for band in found.stamps.bands] == ['R', 'G', 'B']
    assert found.origin == 'upper'
    assert [told['band'] for told in found.images] == ['R', 'G', 'B']
    # Without names it is luminance.
    assert read(tmp_path / 'picture.png').stamps.n_bands is None


def test_sources_are_detected_in_the_band_that_is_named(images):
    only_red = {**images, 'g': images['g'].copy()}
    only_red['g'].data = np.random.default_rng(9).normal(size=(256, 256)).astype(np.float32)
    for detect_in in ('r', 'chi2'):
        config = HuntConfig(size=16, detection=DetectionConfig(5.0), detect_in=detect_in)
        stamps = read(only_red, config).stamps
        assert len(stamps) == len(PLACES)
        assert [band.name for band in stamps.bands] == ['g', 'r', 'i']


def test_the_sky_of_each_band_is_subtracted(images):
    raised = {band: image.copy() for band, image in images.items()}
    for level, image in zip((100, 2000, -30), raised.values(), strict=True):
        image.data = image.data + np.float32(level)
    config = HuntConfig(size=16, detection=DetectionConfig(5.0), sky='subtract')
    stamps = read(raised, config).stamps
    assert len(stamps) == len(PLACES)
    assert abs(np.median(stamps.pixels[:, 0], axis=(0, 1))).max() < 0.5
    known = HuntConfig(size=16, detection=DetectionConfig(5.0, background=100), sky='subtract')
    with pytest.raises(ValueError, match='the level of one image, and cannot be subtracted'):
        read(raised, known)


def test_options_of_reading_are_for_all_bands_or_for_each(images, paths):
    for zeros in ('keep', {'r': 'keep'}):
        assert len(read(paths, zeros=zeros).stamps) == len(PLACES)
    with pytest.raises(ValueError, match="`zeros` has 'z', which is no band: there are g, r, i"):
        read(paths, zeros={'z': 'keep'})
    with pytest.raises(ValueError, match=r'`plane` has .* the image has no named bands'):
        read(images['g'], plane={'g': 0})


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image': {}}, 'at least one image'),
        ({'bands': 'gri'}, "must be a list of names; got 'gri'"),
        ({'bands': ['g', 'r']}, 'must name each of the 3 images; got 2'),
        ({'bands': ['g', 'g', 'i']}, 'must be different names'),
        ({'bands': ['g', ' ', 'i']}, 'must be names that are not empty'),
        ({'image': np.ones((3, 9, 9)), 'bands': ['', '', '']}, 'must be names that are not empty'),
        ({'image': {'g': np.ones((9, 9))}, 'bands': ['g']}, 'dictionary of images by band, not bo'),
        ({'image': np.ones((9, 9)), 'bands': ['g']}, r"got \['g'\] for a single image"),
        ({'image': np.ones((3, 9, 9)), 'bands': ['g']}, 'for an image of 3 planes'),
    ],
)
def test_names_that_do_not_fit_are_refused(paths, change, message):
    with pytest.raises(ValueError, match=message):
        images_by_band(**{'image': paths, **change})


def test_a_missing_file_is_named_before_any_is_read(paths, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"file of band 'i', no\.fits, is missing"):
        read_field(
            [*paths[:2], 'no.fits'], CONFIG, bands=['g', 'r', 'i'], positions=None, progress=True
        )
    assert capsys.readouterr().err == ''
    for names in (['hubble_xd'], [str(paths[0]), 'hubble_xd']):
        assert main(['hunt', *names]) == 2
        told = capsys.readouterr().err
        assert 'There is no file hubble_xd, and no bundled image of this name: hubble_xdf' in told
    assert main(['hunt', str(paths[0]), 'no.fits']) == 2
    # Nothing of TensorFlow, which takes long to load, comes first.
    assert capsys.readouterr().err == 'astro-wgan: There is no file no.fits.\n'


def test_one_file_for_two_bands_is_refused(paths, tmp_path):
    (tmp_path / 'other.fits').symlink_to(paths[0])
    for second in (paths[0], tmp_path / 'other.fits'):
        with pytest.raises(ValueError, match="bands 'g' and 'r' are the same file"):
            images_by_band([paths[0], second], ['g', 'r'])


def test_bands_that_cannot_be_used_are_refused_before_anything_is_written(
    images, tmp_path, monkeypatch
):
    monkeypatch.setattr(pipeline, 'train_networks', lambda *a: pytest.fail('training started'))
    odd = {**images, 'r': field_image('r', shape=(256, 200))}
    with pytest.raises(ValueError, match='shape'):
        hunt(odd, output=tmp_path / 'out', config=CONFIG, progress=False)
    config = HuntConfig(size=16, detect_in='z')
    for given, message in ((images, "detect_in.*'z'"), (images['g'], 'is for several bands')):
        with pytest.raises(ValueError, match=message):
            hunt(given, output=tmp_path / 'out', config=config, progress=False)
    assert not list(tmp_path.iterdir())


def test_the_command_takes_masks_for_each_band_or_for_all(paths, tmp_path, monkeypatch, capsys):
    given = []

    def hunt(image, **options):
        given.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr('astro_wgan.hunting.hunt', hunt)
    command = ['hunt', *map(str, paths)]
    assert (
        main([*command, '--mask', 'DQ', '--weight', 'a', '--weight', 'b', '--weight', '2']) == 130
    )
    assert given[0]['mask'] == 'DQ'
    assert given[0]['weight'] == {'g': 'a', 'r': 'b', 'i': 2}
    assert given[0]['uncertainty'] is None
    assert main([*command, '--weight', 'a', '--weight', 'b']) == 2
    assert 'once for each of the 3 images; got 2' in capsys.readouterr().err


def test_the_command_takes_a_file_for_each_band(paths, tmp_path, monkeypatch, capsys):
    """Results are those of the function; a second call of the command finds them."""
    monkeypatch.chdir(tmp_path)
    arguments = ['hunt', *map(str, paths), '--detect-in', 'r', '--size', '16']
    arguments += ['--threshold', '5', '--min-area', '5', '--iterations', '2']
    assert main(arguments) == 0
    printed = capsys.readouterr()
    for band in FLUX:
        assert f'{band}: image: 0 PRIMARY (256 x 256)' in printed.err
    assert 'Gallery: hunt-g-r-i/gallery.html' in printed.out
    assert main(arguments) == 0
    assert 'training' not in capsys.readouterr().err
    for other, said in (
        (['--bands', 'B,r,R'], 'bands'),
        (['--detect-in', 'chi2'], "`detect_in` was 'r' and is 'chi2'"),
    ):
        assert main([*arguments, *other, '--output', 'hunt-g-r-i']) == 2
        assert re.search(f'another hunt: .*{said}', capsys.readouterr().err)
    assert main(['hunt', str(paths[0]), str(paths[0]), '--quiet']) == 2
    assert 'same file' in capsys.readouterr().err
