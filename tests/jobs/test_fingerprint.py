from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.cosmology import FlatLambdaCDM
from astropy.nddata import NDData, StdDevUncertainty
from astropy.table import QTable
from astropy.time import Time
from astropy.wcs import WCS, DistortionLookupTable, Sip

from astro_wgan import DetectionConfig, StampSet, StampStore
from astro_wgan.jobs import (
    Fingerprint,
    describe_networks,
    describe_settings,
    describe_stamps,
    descriptions,
    digest_settings,
)
from astro_wgan.stamps import concatenate
from astro_wgan.testing import make_wcs

N, EDGE = 300, 8


PIXELS = np.random.default_rng(1).normal(size=(N, EDGE, EDGE)).astype(np.float32)


def stamp_set(pixels=PIXELS, **changed):
    values = {
        'uncertainty': np.full(pixels.shape, 0.5, dtype=np.float32),
        'unit': 'nJy',
        'pixel_scale': 0.06 * u.arcsec,
        'wcs': [make_wcs((EDGE, EDGE))] * len(pixels),
        'table': QTable({'redshift': np.linspace(0.1, 1, len(pixels))}),
    }
    return StampSet(pixels, **(values | changed))


def mismatch(now, before, **options):
    """What is said of two sets of stamps."""
    marks = [Fingerprint({'stamps': describe_stamps(part, **options)}) for part in (now, before)]
    return marks[0].mismatch(marks[1].to_json())


def one_moved(k):
    """The WCS of stamps, of which one is elsewhere on the sky."""
    centers = (SkyCoord(150.1 if i == k else 150, 2, unit='deg') for i in range(N))
    return [make_wcs((EDGE, EDGE), center=center) for center in centers]


def changed_pixels(k):
    pixels = PIXELS.copy()
    pixels[k, 3, 3] += 0.01
    return pixels


def one_masked(k):
    mask = np.zeros(PIXELS.shape, dtype=bool)
    mask[k, 0, 0] = True
    return mask


@pytest.mark.parametrize('k', [0, 17, 150, N - 1])
@pytest.mark.parametrize(
    ('what', 'change'),
    [
        ('their pixels differ', lambda k: {'pixels': changed_pixels(k)}),
        ('they had no masks, and have some', lambda k: {'mask': one_masked(k)}),
        (
            'their uncertainties differ',
            lambda k: {'uncertainty': 0.5 + one_masked(k).astype(np.float32)},
        ),
        (
            'their ids differ',
            lambda k: {'table': QTable({'id': np.arange(N) + N * (np.arange(N) == k)})},
        ),
        (
            'their WCS differ',
            lambda k: {'wcs': one_moved(k)},
        ),
    ],
    ids=['pixels', 'masks', 'uncertainties', 'ids', 'WCS'],
)
def test_a_change_of_any_stamp_is_named(what, change, k):
    assert mismatch(stamp_set(**change(k)), stamp_set()) == f'belongs to other stamps: {what}'


@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ({'unit': 'uJy'}, "their unit was 'nJy' and is 'uJy'"),
        (
            {'pixel_scale': 0.03 * u.arcsec},
            "their pixel scale was '0.06 arcsec / pix' and is '0.03 arcsec / pix'",
        ),
        ({'psf': np.eye(3)}, 'they had no PSF, and have one'),
        ({'uncertainty': None}, 'they had uncertainties, and have none'),
        ({'pixels': PIXELS[:20]}, 'there were 300 of them, and are 20'),
        ({'pixels': PIXELS[:, :4]}, 'their size was [8, 8] and is [4, 8]'),
        ({'pixels': PIXELS[..., np.newaxis]}, 'their band count was None and is 1'),
        ({'pixels': PIXELS[::-1], 'mask': one_masked(4)}, None),
    ],
)
def test_what_has_changed_is_named(change, what):
    now = stamp_set(**change)
    if what is None:
        what = 'their pixels differ, they had no masks, and have some'
    assert mismatch(now, stamp_set()) == f'belongs to other stamps: {what}'


def test_masks_that_differ():
    one, other = stamp_set(mask=one_masked(3)), stamp_set(mask=one_masked(4))
    assert mismatch(one, other) == 'belongs to other stamps: their masks differ'


@pytest.mark.parametrize(
    'same',
    [
        stamp_set(PIXELS.astype('>f4')),
        stamp_set(PIXELS.astype(float)),
        stamp_set(mask=np.zeros(PIXELS.shape, dtype=bool)),
        stamp_set(wcs=[make_wcs((EDGE, EDGE)) for _ in range(N)]),
        concatenate([stamp_set()[:100], stamp_set()[100:]]),
    ],
    ids=['big endian', 'float64', 'empty mask', 'a WCS each', 'joined'],
)
def test_the_same_stamps_in_another_form(same):
    assert mismatch(same, stamp_set(), columns=None) is None


def test_a_mask_of_all_bands_is_that_of_each():
    pixels = np.stack([PIXELS, PIXELS], axis=-1)
    of_each = np.repeat(one_masked(5)[..., np.newaxis], 2, axis=-1)
    kept = {'uncertainty': None}
    one, other = (stamp_set(pixels, mask=mask, **kept) for mask in (one_masked(5), of_each))
    assert mismatch(one, other) is None
    of_each[5, 0, 0, 1] = False
    assert 'their masks differ' in mismatch(stamp_set(pixels, mask=of_each, **kept), one)


def test_columns_that_are_used():
    other = stamp_set(table=QTable({'redshift': np.linspace(0.1, 2, N)}))
    assert mismatch(other, stamp_set()) is None
    sentence = 'belongs to other stamps: their column `redshift` differs'
    assert mismatch(other, stamp_set(), columns=['redshift']) == sentence
    assert mismatch(other, stamp_set(), columns=None) == sentence
    more = stamp_set(table=stamp_set().table.copy())
    more.table['mass'] = 1.0
    assert mismatch(more, stamp_set(), columns=None) == (
        'belongs to other stamps: they had no column `mass`, and have one'
    )


def test_the_place_in_the_image_counts():
    image = np.arange(400.0).reshape(20, 20) // 400
    one, other = (StampSet.from_image(image, size=4, positions=[xy]) for xy in ((5, 5), (6, 5)))
    assert (one.pixels == other.pixels).all()
    assert 'WCS' in mismatch(one, other)


@pytest.mark.parametrize(
    'change',
    [
        lambda wcs: setattr(wcs.wcs, 'radesys', 'FK5'),
        lambda wcs: setattr(wcs.wcs, 'cdelt', [-1e-5, 2e-5]),
        lambda wcs: setattr(wcs, 'sip', Sip(np.eye(3) * 1e-5, np.eye(3), None, None, [4, 4])),
        lambda wcs: setattr(
            wcs,
            'cpdis1',
            DistortionLookupTable(np.ones((3, 3), np.float32), (1, 1), (1, 1), (4, 4)),
        ),
    ],
    ids=['RADESYS', 'CDELT', 'SIP', 'table'],
)
def test_all_of_a_wcs_counts(change):
    # With CDELT and PC instead of CD.
    wcs = WCS(make_wcs((EDGE, EDGE)).to_header())
    wcs.wcs.ctype = 'RA---TAN-SIP', 'DEC--TAN-SIP'
    before, other = deepcopy(wcs), deepcopy(wcs)
    change(other)
    one, same, changed = (stamp_set(wcs=[each] * N) for each in (wcs, before, other))
    assert mismatch(same, one) is None
    assert mismatch(changed, one) == 'belongs to other stamps: their WCS differ'


@pytest.fixture(params=['whole', 'sample'])
def in_store(request, tmp_path, monkeypatch):
    """Writes stamps into a store, of which all or some are looked at."""
    if request.param == 'sample':
        monkeypatch.setattr(descriptions, '_RUN', 8)
        monkeypatch.setattr(descriptions, '_WHOLE_BYTES', 100)
        monkeypatch.setattr(descriptions, '_SAMPLE_BYTES', 20 * 8 * PIXELS[0].nbytes)

    def write(stamps, name='stamps'):
        with StampStore.create(tmp_path / name, like=stamps) as store:
            store.append(stamps)
        return StampStore.open(tmp_path / name)

    return write


@pytest.mark.parametrize('k', [0, N - 1])
def test_both_ends_of_a_store_are_looked_at(in_store, k):
    before = in_store(stamp_set())
    assert mismatch(in_store(stamp_set(), 'again'), before) is None
    changed = in_store(stamp_set(changed_pixels(k)), 'changed')
    assert mismatch(changed, before) == 'belongs to other stamps: their pixels differ'
    moved = in_store(stamp_set(wcs=one_moved(k)), 'wcs')
    assert 'WCS differ' in mismatch(moved, before)
    masked = in_store(stamp_set(mask=one_masked(k)), 'masked')
    assert 'had no masks' in mismatch(masked, before)


def test_a_sample_is_spread_over_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptions, '_RUN', 8)
    monkeypatch.setattr(descriptions, '_WHOLE_BYTES', 100)
    monkeypatch.setattr(descriptions, '_SAMPLE_BYTES', 10 * 8 * PIXELS[0].nbytes)
    store = StampStore.from_stamps(tmp_path / 'stamps', stamp_set())
    ids = np.concatenate([part.ids for part in descriptions._looked_at(store)])
    assert len(ids) == 80
    assert ids[0] == 0
    assert ids[-1] == N - 1
    assert np.diff(ids).max() <= N / 9
    assert (np.diff(ids) > 0).all()


@pytest.mark.parametrize('pixels_of_a_run', [2**20, 10 * EDGE**2, EDGE**2, 5])
def test_large_stamps_are_read_few_at_a_time(tmp_path, monkeypatch, pixels_of_a_run):
    stamp_bytes = PIXELS[0].nbytes
    monkeypatch.setattr(descriptions, '_RUN_PIXELS', pixels_of_a_run)
    monkeypatch.setattr(descriptions, '_READ_BYTES', 70 * stamp_bytes)
    monkeypatch.setattr(descriptions, '_SAMPLE_BYTES', 150 * stamp_bytes)
    store = StampStore.from_stamps(tmp_path / 'stamps', stamp_set())
    whole = describe_stamps(store)
    assert whole == describe_stamps(stamp_set())
    assert max(len(part) for part in descriptions._looked_at(store)) <= 70
    monkeypatch.setattr(descriptions, '_WHOLE_BYTES', 299 * stamp_bytes)
    parts = list(descriptions._looked_at(store))
    assert max(map(len, parts)) <= 70
    assert 100 < sum(map(len, parts)) <= 150
    assert (parts[0].ids[0], parts[-1].ids[-1]) == (0, N - 1)


def test_a_set_and_its_store_are_the_same_stamps(tmp_path):
    stamps = stamp_set(mask=one_masked(30))
    store = StampStore.from_stamps(tmp_path / 'stamps', stamps)
    assert mismatch(store, stamps, columns=None) is None


def test_no_stamps():
    assert mismatch(stamp_set()[:0], stamp_set()[:0]) is None


def settings_mismatch(now, before):
    marks = [Fingerprint({'settings': describe_settings(part)}) for part in (now, before)]
    return marks[0].mismatch(marks[1].to_dict())


@pytest.mark.parametrize(
    ('before', 'now', 'what'),
    [
        (1, 2, '`x` was 1 and is 2'),
        (None, 2.5, '`x` was None and is 2.5'),
        ('mean', 'median', "`x` was 'mean' and is 'median'"),
        (1 * u.s, 1 * u.min, "`x` was '1 s' and is '1 min'"),
        ([1, 2] * u.nm, [1, 3] * u.nm, None),
        (np.arange(99), np.arange(99)[::-1], '`x` differs'),
        (None, np.arange(99), '`x` was None and is an array'),
        ({'a': 1, 'b': {'c': 2}}, {'a': 1, 'b': {'c': 3}}, '`x.b.c` was 2 and is 3'),
        ({'a': 1}, {'a': 1, 'd': 5}, '`x.d` was not there and is 5'),
        (DetectionConfig(2.5), DetectionConfig(3), '`x.threshold` was 2.5 and is 3'),
        (np.mean, np.median, "`x` was 'numpy.mean' and is 'numpy.median'"),
        (u.nJy, u.uJy, "`x` was 'nJy' and is 'uJy'"),
        ((1, 2), (1, 3), '`x` was [1, 2] and is [1, 3]'),
        (float('nan'), 1.0, '`x` was NaN and is 1'),
    ],
)
def test_a_setting_that_has_changed_is_named(before, now, what):
    assert settings_mismatch({'x': before, 'y': 1}, {'x': before, 'y': 1}) is None
    said = settings_mismatch({'x': now, 'y': 1}, {'x': before, 'y': 1})
    assert said.startswith('belongs to other settings: `x')
    if what is not None:
        assert said == f'belongs to other settings: {what}'


@pytest.mark.parametrize(
    ('one', 'same'),
    [
        (3, 3.0),
        ([1.0, 2], (1, 2.0)),
        (np.float32(2.5), 2.5),
        (2 * u.nJy, 2.0 * u.nJy),
        ({'threshold': 3}, {'threshold': np.float64(3)}),
    ],
)
def test_numbers_in_another_form_are_the_same_setting(one, same):
    assert settings_mismatch({'x': one}, {'x': same}) is None


def with_another(value, number=1500):
    changed = value.copy()
    changed[number] = 7
    return changed


MANY = np.linspace(0, 1, 3000)


# The texts of all these leave most numbers out.
@pytest.mark.parametrize(
    'make',
    [
        lambda values: partial(np.add, values),
        lambda values: partial(np.add, out=values),
        lambda values: QTable({'value': values}),
        lambda values: SkyCoord(values, np.zeros(len(values)), unit='deg'),
        lambda values: Time(2450000 + values, format='jd'),
        lambda values: NDData(values),
        lambda values: NDData(MANY, mask=values > 2),
        lambda values: NDData(MANY, uncertainty=StdDevUncertainty(values)),
        lambda values: [SkyCoord(values, np.zeros(len(values)), unit='deg')],
    ],
)
def test_all_numbers_of_an_object_count(make):
    assert settings_mismatch({'x': make(MANY)}, {'x': make(MANY.copy())}) is None
    assert settings_mismatch({'x': make(with_another(MANY))}, {'x': make(MANY)}) is not None


def test_two_cosmologies_of_one_name():
    one, other = (FlatLambdaCDM(h0, 0.3, name='mine') for h0 in (70, 50))
    assert settings_mismatch({'x': one}, {'x': replace_name(one)}) is None
    assert '`x` was' in settings_mismatch({'x': other}, {'x': one})


def replace_name(cosmology):
    """The same universe under another name."""
    return FlatLambdaCDM(cosmology.H0, cosmology.Om0, name='yours')


class Kernel:
    def __init__(self, width):
        self.width = width


def test_what_is_in_an_object_counts_not_where_it_lies_in_memory():
    assert settings_mismatch({'x': Kernel(1)}, {'x': Kernel(1)}) is None
    said = settings_mismatch({'x': Kernel(np.arange(99))}, {'x': Kernel(np.arange(99) - 1)})
    assert said == 'belongs to other settings: `x.width` differs'
    assert settings_mismatch({'x': [Kernel(1)]}, {'x': [Kernel(2)]}) is not None
    assert settings_mismatch({'x': {}}, {'x': Kernel(1)}) is not None
    assert settings_mismatch({'x': partial(np.sum, axis=1)}, {'x': partial(np.sum, axis=0)})
    assert settings_mismatch({'x': partial(len)}, {'x': partial(len)}) is None
    assert digest_settings({'x': Kernel(1)}) == digest_settings({'x': Kernel(1)})
    assert digest_settings({'x': Kernel(1)}) != digest_settings({'x': Kernel(2)})


class Network:
    def __init__(self, *weights):
        self.get_weights = lambda: list(weights)


def test_networks_are_told_apart_by_their_weights():
    weights = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    before = describe_networks(generator=Network(weights), critic=Network(weights), encoder=None)
    for name, network in (
        ('generator differs', {'generator': Network(weights + 1e-6)}),
        ('critic differs', {'critic': Network(weights, weights)}),
        ('encoder was None and is given', {'encoder': Network(weights)}),
    ):
        same = {'generator': Network(weights), 'critic': Network(weights), 'encoder': None}
        now = Fingerprint({'model': describe_networks(**same | network)})
        assert now.mismatch(Fingerprint({'model': before}).to_dict()) == (
            f'belongs to another model: its {name}'
        )


def test_all_that_has_changed_is_named():
    settings = describe_settings(DetectionConfig(2.5))
    before = Fingerprint({'stamps': describe_stamps(stamp_set()), 'settings': settings})
    now = Fingerprint(
        {
            'stamps': describe_stamps(stamp_set(changed_pixels(3), uncertainty=2 * PIXELS)),
            'settings': describe_settings(replace(DetectionConfig(2.5), min_area=9)),
        }
    )
    assert now.mismatch(before.to_json()) == (
        'belongs to other stamps: their pixels and uncertainties differ; and to other settings: '
        '`min_area` was 5 and is 9'
    )


def test_of_many_changes_the_first_are_named():
    def work(value):
        settings = {f's{k}': k + value for k in range(9)}
        columns = {f'column {k}': f'sha256:{value}' for k in range(9)}
        return Fingerprint({'settings': settings, 'stamps': columns})

    assert work(1).mismatch(work(0).to_dict()) == (
        'belongs to other settings: `s0` was 0 and is 1, `s1` was 1 and is 2, `s2` was 2 and is 3, '
        '`s3` was 3 and is 4, and 5 more; and to other stamps: their column 0, column 1, column 2, '
        'column 3, and 5 more differ'
    )


@pytest.mark.parametrize(
    'known', ['', 'work', '{"model": "ab", "search": {}}', {}, {'seed': 1}, None]
)
def test_what_a_former_version_has_written(known):
    said = Fingerprint({'settings': {'seed': 1}}).mismatch(known)
    assert said.startswith('was written by a former version of astro_wgan')
