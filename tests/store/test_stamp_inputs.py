"""What becomes a set of stamps."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData, Cutout2D

from astro_wgan import StampSet, StampStore
from astro_wgan.stamps import Stretch, concatenate
from astro_wgan.store import as_stamps
from astro_wgan.testing import assert_stamps_equal, make_stamps


@pytest.fixture
def pixels():
    return np.random.default_rng(1).normal(size=(4, 16, 16)).astype(np.float32)


def test_sets_and_stores_stay_what_they_are(pixels, tmp_path):
    stamps = StampSet(pixels)
    assert as_stamps(stamps) is stamps
    store = StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)
    assert as_stamps(store) is store


@pytest.mark.parametrize('kind', [str, lambda path: path])
def test_a_path_is_that_of_a_store(kind, pixels, tmp_path):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', StampSet(pixels)).close()
    found = as_stamps(kind(tmp_path / 'stamps.zarr'))
    assert isinstance(found, StampStore)
    np.testing.assert_array_equal(found[:].pixels, pixels)


def test_images_are_stamps(pixels):
    images = [CCDData(image, unit='nJy') for image in pixels]
    found = as_stamps(images)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.unit == 'nJy'
    assert as_stamps(images[0]).pixels.shape == (1, 16, 16)
    cutout = Cutout2D(pixels[0], (5, 6), 8)
    np.testing.assert_array_equal(as_stamps(cutout).pixels[0], cutout.data)


def test_positions_cut_an_image_or_the_one_of_a_path(pixels, tmp_path):
    fits.writeto(tmp_path / 'field.fits', pixels[0])
    hdu = fits.PrimaryHDU(pixels[0])
    for image in (
        CCDData(pixels[0], unit='nJy'),
        tmp_path / 'field.fits',
        hdu,
        fits.HDUList([hdu]),
    ):
        found = as_stamps(image, positions=[(5, 6), (0, 0)], size=4)
        expected = [
            Cutout2D(pixels[0], position, 4, mode='partial') for position in [(5, 6), (0, 0)]
        ]
        np.testing.assert_array_equal(found.pixels, [cutout.data for cutout in expected])
        assert found.valid[0].all()
        assert found.valid[1].sum() == 4


@pytest.mark.parametrize(
    ('stamps', 'options', 'error', 'message'),
    [
        (np.zeros((2, 8, 8)), {}, TypeError, '`stamps` must be a StampSet.*got ndarray'),
        (None, {}, TypeError, '`stamps` must be a StampSet.*got NoneType'),
        ('nowhere', {}, FileNotFoundError, 'store of stamps at'),
        (__file__, {}, ValueError, 'not a store of stamps.*`positions`'),
        ([1], {'positions': [(0, 0)]}, ValueError, '`positions` are for an image.*got list'),
        (None, {'size': 8}, ValueError, '`size` is for .* got size=8 and no `positions`'),
        (None, {'outside': 'keep'}, ValueError, "got outside='keep' and no `positions`"),
        (
            CCDData(np.ones((9, 9)), unit='nJy'),
            {'positions': [(0, 0)], 'outside': 'mask'},
            ValueError,
            "`outside` must be 'refuse' or 'keep'; got 'mask'",
        ),
    ],
)
def test_what_becomes_none(stamps, options, error, message):
    with pytest.raises(error, match=message):
        as_stamps(stamps, **options)


def test_positions_outside_are_refused_or_kept(pixels):
    image = CCDData(pixels[0], unit='nJy')
    positions = [(5, 6), (500, 6), (5, -3)]
    with pytest.raises(
        ValueError, match=r'at 2 of 3 `positions` are entirely outside.* id 1\. Leave'
    ):
        as_stamps(image, positions=positions, size=4)
    kept = as_stamps(image, positions=positions, size=4, outside='keep')
    assert kept.valid.any(axis=(1, 2)).tolist() == [True, False, False]
    assert kept.geometry.outside((4, 4)).tolist() == [False, True, True]


def test_stamps_are_cut_of_a_cutout():
    pixels = np.random.default_rng(1).normal(size=(40, 50))
    cutout = Cutout2D(pixels, (25, 20), (30, 40))
    stamps = as_stamps(cutout, positions=[(12, 15)], size=8)
    assert np.array_equal(stamps.pixels[0], cutout.data[11:19, 8:16])


@pytest.fixture
def stamps():
    return make_stamps(12, shape=(16, 16), seed=2)


@pytest.fixture
def store(stamps, tmp_path):
    return StampStore.from_stamps(tmp_path / 'stamps', stamps)


def test_a_stretch_scales_a_store_like_a_set(stamps, store):
    stretch = Stretch(scope='stamp').fit(store)
    images = stretch.transform(stamps)
    np.testing.assert_array_equal(stretch.transform(store), images)
    np.testing.assert_array_equal(
        stretch.inverse(images, like=store), stretch.inverse(images, like=stamps)
    )


def test_stores_are_joined_and_appended_like_sets(stamps, store, tmp_path):
    np.testing.assert_array_equal(concatenate([store[:5], store[5:]]).pixels, stamps.pixels)
    assert_stamps_equal(concatenate([store]), stamps)
    copy = StampStore.create(tmp_path / 'copy', like=store)
    copy.append(store)
    assert_stamps_equal(copy[:], stamps)
    other = StampStore.create(tmp_path / 'other', like=stamps[:0])
    other.extend([store])
    assert_stamps_equal(other[:], stamps)


@pytest.mark.parametrize(
    'use',
    [
        lambda path, store: Stretch().fit(path),
        lambda path, store: Stretch().fit(store).transform(path),
        lambda path, store: concatenate([path]),
        lambda path, store: store.append(path),
        lambda path, store: store.extend([path]),
        lambda path, store: StampStore.from_stamps(path / 'new', path),
        lambda path, store: StampStore.create(path / 'new', like=path),
    ],
)
def test_a_path_is_refused_with_what_to_do(use, store):
    with pytest.raises(TypeError, match=r'must be a StampSet or a StampStore; got .*as_stamps'):
        use(store.path, store)


def test_lists_of_other_things_are_refused(stamps):
    with pytest.raises(TypeError, match='`stamps` must be'):
        as_stamps([stamps])
    with pytest.raises(ValueError, match='`stamps` must hold at least one'):
        as_stamps([])
