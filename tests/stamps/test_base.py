"""What sets in memory and stores on disk have in common: each test is made with both."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from astropy import units as u
from numpy.testing import assert_array_equal
from PIL import Image

from astro_wgan.stamps import Stamps, StampSet, Stretch
from astro_wgan.stamps.png import MASKED_COLOR, contact_sheet
from astro_wgan.store import StampStore
from astro_wgan.testing import assert_stamps_equal, make_stamps, make_wcs

N = 11


@pytest.fixture(scope='module')
def expected():
    """The stamps in memory, with all that they can have."""
    stamps = make_stamps(N, shape=(16, 20), pixel_scale=None, wcs=[make_wcs((16, 20))] * N)
    pixels = stamps.pixels.copy()
    pixels[2, 3, 4] = np.nan
    uncertainty = np.abs(stamps.pixels) + 1
    return stamps.replace(pixels=pixels, uncertainty=uncertainty, psf=np.ones((3, 3)) / 9)


@pytest.fixture(scope='module', params=['set', 'store'])
def stamps(request, expected, tmp_path_factory):
    if request.param == 'set':
        return expected
    path = tmp_path_factory.mktemp('store') / 'stamps.zarr'
    StampStore.from_stamps(path, expected, chunk=2, shard=4).close()
    return StampStore.open(path)


def test_both_are_stamps(stamps, expected):
    assert isinstance(stamps, Stamps)
    assert len(stamps) == N
    assert_stamps_equal(stamps[:], expected)


@pytest.mark.parametrize('name', ['shape', 'bands', 'dtype', 'unit', 'pixel_scale', 'nbytes'])
def test_properties(stamps, expected, name):
    assert getattr(stamps, name) == getattr(expected, name)


@pytest.mark.parametrize('name', ['ids', 'psf', 'valid', 'pixel_area'])
def test_arrays(stamps, expected, name):
    found = getattr(stamps, name)
    assert_array_equal(found, getattr(expected, name))
    assert found.dtype == getattr(expected, name).dtype


def test_bytes_are_those_of_the_arrays(stamps, expected):
    # Pixels and uncertainty of four bytes, a mask of one.
    assert stamps.nbytes == N * 16 * 20 * (4 + 4 + 1)
    assert expected[5:].nbytes == (N - 5) * 16 * 20 * (4 + 4)


@pytest.mark.parametrize('rows', [3, -1, slice(2, 9, 3), [4, 0, 7], np.arange(N) % 2 == 0, []])
def test_an_index_gives_a_set(stamps, expected, rows):
    found = stamps[rows]
    assert type(found) is StampSet
    assert_array_equal(found.pixels, expected[rows].pixels)
    assert_array_equal(found.ids, expected[rows].ids)


@pytest.mark.parametrize('rows', [N, -N - 1, [0, N], [[1]], np.ones(N - 1, dtype=bool)])
def test_an_index_that_is_none(stamps, rows):
    with pytest.raises(IndexError):
        stamps[rows]


def test_iteration_gives_sets_of_one_stamp(stamps):
    parts = list(stamps)
    assert [len(part) for part in parts] == [1] * N
    assert [int(part.ids[0]) for part in parts] == list(range(N))


def test_split(stamps, expected):
    first, second = stamps.split(0.7, seed=3)
    assert len(first) == 8
    assert sorted([*first.ids, *second.ids]) == list(range(N))
    for found, right in zip((first, second), expected.split(0.7, seed=3), strict=True):
        assert_stamps_equal(found, right)
    with pytest.raises(ValueError, match='`fraction` must be between 0 and 1; got 7'):
        stamps.split(7, seed=3)


@pytest.mark.parametrize('options', [{}, {'drop_remainder': True}, {'skip': 5}], ids=str)
def test_batches(stamps, expected, options):
    found = list(stamps.batches(4, **options))
    right = list(expected.batches(4, **options))
    assert [len(batch) for batch in found] == [len(batch) for batch in right]
    for ours, theirs in zip(found, right, strict=True):
        assert_stamps_equal(ours, theirs)
    shuffled = [int(k) for batch in stamps.batches(4, shuffle=True, seed=1) for k in batch.ids]
    assert sorted(shuffled) == list(range(N))
    assert shuffled != sorted(shuffled)


def test_tf_dataset(stamps, expected):
    found = [batch.numpy() for batch in stamps.to_tf_dataset(4)]
    assert [len(batch) for batch in found] == [4, 4, 3]
    assert_array_equal(np.concatenate(found)[..., 0], expected.filled())


@pytest.mark.parametrize('fill_value', [None, -7])
def test_filled(stamps, expected, fill_value):
    assert_array_equal(stamps.filled(fill_value), expected.filled(fill_value))
    assert np.isfinite(stamps.filled(fill_value)).all()


def test_wcs(stamps, expected):
    assert len(stamps.wcs) == N
    assert stamps.wcs[3].wcs.crpix == pytest.approx(expected.wcs[3].wcs.crpix)


@pytest.mark.parametrize(
    ('method', 'arguments', 'options'),
    [
        ('copy', (), {}),
        ('replace', (), {'unit': 'uJy'}),
        ('crop', (8,), {}),
        ('band', (0,), {}),
        ('reproject', (), {'size': 6, 'pixel_scale': 0.12 * u.arcsec, 'progress': False}),
    ],
)
def test_methods_that_give_a_set(stamps, expected, method, arguments, options):
    found = getattr(stamps, method)(*arguments, **options)
    assert type(found) is StampSet
    assert_stamps_equal(found, getattr(expected, method)(*arguments, **options))


def test_a_copy_shares_nothing(stamps):
    copy = stamps.copy()
    copy.pixels[0] = 5
    copy.table['sigma'][0] = -1
    assert not (stamps[0].pixels == 5).any()
    assert stamps.table['sigma'][0] > 0


@pytest.mark.parametrize('method', ['to_cutout2d', 'to_ccddata'])
def test_objects_of_astropy(stamps, expected, method):
    found, right = getattr(stamps, method)(), getattr(expected, method)()
    assert len(found) == N
    assert_array_equal(np.asarray(found[3].data), np.asarray(right[3].data))


def test_representation(stamps):
    name = type(stamps).__name__
    scale = f'{stamps.pixel_scale:.4g}'
    assert repr(stamps) == f'<{name}: 11 stamps of 16 x 20 pixels, float32, unit nJy, {scale}>'


def test_html_shows_some_stamps(stamps):
    html = stamps._repr_html_()
    assert f'<th>{type(stamps).__name__}</th><td>11 stamps of 16 x 20 pixels' in html
    assert 'id, sigma' in html
    png = re.search('base64,([^"]*)"', html)[1]
    picture = np.asarray(Image.open(BytesIO(base64.b64decode(png))).convert('RGB'))
    assert picture.shape == (3 * 17 - 1, 4 * 21 - 1, 3)
    assert_array_equal(picture, contact_sheet(stamps))


@pytest.mark.parametrize('empty', [True, False])
def test_html_of_nothing_to_show(stamps, empty):
    nothing = stamps[:0] if empty else stamps[:2].replace(mask=np.ones((2, 16, 20), dtype=bool))
    assert '<img' not in nothing._repr_html_()
    assert f'{len(nothing)} stamps of 16 x 20 pixels' in nothing._repr_html_()


def test_plot(stamps):
    pyplot = pytest.importorskip('matplotlib.pyplot')
    ax = stamps.plot(n_stamps=4, stretch=Stretch('linear'))
    assert ax.images[0].get_array().shape[:2] == (2 * 17 - 1, 2 * 21 - 1)
    given = pyplot.figure().subplots()
    assert stamps.plot(ax=given) is given
    with pytest.raises(ValueError, match='`n_stamps` must be at least 1; got 0'):
        stamps.plot(n_stamps=0)
    pyplot.close('all')


def test_a_contact_sheet_has_the_stamps_of_all_of_the_set(stamps):
    sheet = contact_sheet(stamps, n_stamps=3)
    assert sheet.shape == (2 * 17 - 1, 2 * 21 - 1, 3)
    assert sheet.dtype == np.uint8
    # The first, the middle and the last one, each with its last row at the top.
    for k, (row, column) in ((0, (0, 0)), (5, (0, 21)), (10, (17, 0))):
        alone = contact_sheet(stamps[k], stretch=Stretch().fit(stamps[[0, 5, 10]]))
        assert_array_equal(sheet[row : row + 16, column : column + 20], alone)
    light = sheet[..., 0].astype(float)
    assert (sheet[17:, 21:] == 255).all()
    assert light[7:9, 9:11].mean() > light[:3, :3].mean() + 50
    one = contact_sheet(stamps[2])
    assert_array_equal(one[16 - 1 - 3, 4], MASKED_COLOR)
