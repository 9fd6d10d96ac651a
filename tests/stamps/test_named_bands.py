"""Names, wavelengths, zero points and PSFs of bands go where the pixels go."""

import copy
import pickle

import numpy as np
import pytest
from astropy import units as u

from astro_wgan import StampSet, StampStore
from astro_wgan.jobs import Fingerprint, describe_stamps
from astro_wgan.stamps import Band, concatenate
from astro_wgan.store import as_stamps
from astro_wgan.store.schema import empty_set
from astro_wgan.testing import assert_stamps_equal, make_stamps, make_wcs

PSF = np.outer([1, 2, 1], [1, 2, 1]) / 16
BANDS = (
    Band('g', wavelength=480 * u.nm, zero_point=24.0, psf=PSF),
    Band('r', wavelength=620 * u.nm, zero_point=25.0),
    Band('F814W'),
)


def colored(n=6, *, bands=BANDS, **options):
    wcs = [make_wcs((16, 16), pixel_scale=0.1 * u.arcsec)] * n
    given = {'unit': 'electron', 'wcs': wcs, 'uncertainty': np.ones((n, 16, 16, 3))}
    return make_stamps(n, shape=(16, 16), bands=bands, **{**given, **options})


def in_store(stamps, tmp_path):
    return StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)


@pytest.mark.parametrize(
    'derive',
    [
        lambda stamps, _: stamps[1:3],
        lambda stamps, _: stamps[2],
        lambda stamps, _: stamps[stamps.table['id'] > 2],
        lambda stamps, _: next(iter(stamps)),
        lambda stamps, _: stamps.split(0.5, seed=1)[1],
        lambda stamps, _: stamps.crop(9),
        lambda stamps, _: stamps.replace(pixels=stamps.pixels + 1),
        lambda stamps, _: stamps.replace(psf=PSF),
        lambda stamps, _: stamps.copy(),
        lambda stamps, _: copy.copy(stamps),
        lambda stamps, _: pickle.loads(pickle.dumps(stamps)),
        lambda stamps, _: concatenate([stamps[:2], stamps[4:]]),
        lambda stamps, _: next(stamps.batches(3, shuffle=True)),
        lambda stamps, _: as_stamps(stamps),
        in_store,
        lambda stamps, path: in_store(stamps, path)[[3, 1]],
        lambda stamps, path: next(in_store(stamps, path).batches(3, shuffle=True)),
        lambda stamps, path: as_stamps(in_store(stamps, path).path),
        lambda stamps, path: StampStore.create(path / 's.zarr', like=stamps[:0]),
    ],
)
def test_what_keeps_the_bands(derive, tmp_path):
    assert derive(colored(), tmp_path).bands == BANDS


def test_reprojected_stamps_have_reprojected_psfs():
    y, x = np.indices((15, 15)) - 7
    psf = np.exp(-(x**2 + y**2) / 2 / 2**2)
    stamps = colored(bands=[Band('g', zero_point=24, psf=psf / psf.sum()), *BANDS[1:]])
    fine = stamps.reproject(pixel_scale=0.05 * u.arcsec, progress=False)
    assert [band.name for band in fine.bands] == ['g', 'r', 'F814W']
    assert [band.zero_point for band in fine.bands] == [band.zero_point for band in BANDS]
    found = fine.bands[0].psf
    assert found.shape == (29, 29)
    assert found.sum() == pytest.approx(1, abs=0.01)
    across = np.sqrt((found.sum(axis=0) * (np.arange(29) - 14) ** 2).sum() / found.sum())
    assert across == pytest.approx(4, rel=0.06)
    assert fine.bands[1].psf is None


def test_bands_by_name(tmp_path):
    stamps = colored()
    for these in (stamps, in_store(stamps, tmp_path)):
        for number, name in enumerate(['g', 'r', 'F814W']):
            one = these[name]
            assert_stamps_equal(one, these.band(name))
            assert_stamps_equal(one, stamps.band(number))
            assert np.array_equal(one.pixels, stamps.pixels[..., number])
            assert [band.name for band in one.bands] == [name]
            assert one.bands[0].zero_point == BANDS[number].zero_point
        two = these[['r', 'g']]
        assert two.bands == (BANDS[1], BANDS[0])
        assert np.array_equal(two.pixels, stamps.pixels[..., [1, 0]])
        assert np.array_equal(two.uncertainty, stamps.uncertainty[..., [1, 0]])
        with pytest.raises(KeyError, match="no band 'z', but g, r, F814W"):
            these['z']
        with pytest.raises(KeyError, match="no band 'score', but g, r"):
            these[['g', 'score']]
        with pytest.raises(ValueError, match=r'from 0 to 2 \(g, r, F814W\)'):
            these.band('z')
    assert np.array_equal(stamps['g'].psf, PSF)
    assert stamps['r'].psf is None
    assert np.array_equal(stamps.replace(psf=2 * PSF)['r'].psf, 2 * PSF)
    assert repr(stamps).startswith('<StampSet: 6 stamps of 16 x 16 pixels, 3 bands (g, r, F814W), ')
    assert '16 pixels in band r, float32' in repr(stamps['r'])


def test_plain_images_of_a_named_band():
    stamps = make_stamps(4)
    assert stamps.bands == ()
    with pytest.raises(KeyError, match='one band without name'):
        stamps['r']
    named = stamps.replace(bands='r')
    assert named.bands == (Band('r'),)
    assert_stamps_equal(named['r'], named)
    assert named[['r']].n_bands == 1
    assert named != stamps
    assert named.replace(bands=None) == stamps
    # The PSF of plain images has one owner.
    with_psf = stamps.replace(bands=[Band('r', psf=PSF)])
    assert np.array_equal(with_psf.psf, PSF)
    assert with_psf.bands == (Band('r'),)


def test_bands_without_names_have_numbers():
    stamps = make_stamps(3, bands=2)
    assert stamps.bands == (Band('0'), Band('1'))
    assert_stamps_equal(stamps['1'], stamps.band(1))
    assert stamps['1'].bands == ()
    assert '2 bands, ' in repr(stamps)


def test_sets_of_other_bands_differ():
    stamps = colored()
    for other in (['g', 'r', 'i'], [BANDS[1], BANDS[0], BANDS[2]], None):
        other = stamps.replace(bands=other)
        assert other != stamps
        with pytest.raises(AssertionError, match='Stamps differ in bands'):
            assert_stamps_equal(other, stamps)
        changed = Fingerprint(describe_stamps(other))
        assert changed != Fingerprint(describe_stamps(stamps))


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (
            ['g', 'r', 'i'],
            'Only stamps of the same bands can be joined; got g, r, F814W and g, r, i',
        ),
        (None, 'got g, r, F814W and 0, 1, 2'),
        ((*BANDS[:2], Band('F814W', zero_point=26)), 'one zero point .* got None and 26.* F814W'),
    ],
)
def test_sets_that_are_not_joined(other, message, tmp_path):
    stamps = colored()
    moved = stamps.replace(bands=other, table=None)
    with pytest.raises(ValueError, match=message):
        concatenate([stamps, moved], renumber=True)
    with pytest.raises(ValueError, match=message):
        in_store(stamps, tmp_path).append(moved)


def test_joined_sets_keep_what_they_share(tmp_path):
    stamps = colored()
    other = stamps.replace(bands=[Band('g', zero_point=24, psf=PSF + 1), *BANDS[1:]])
    joined = concatenate([stamps, other], renumber=True)
    assert joined.bands == (Band('g', zero_point=24), *BANDS[1:])
    with pytest.raises(ValueError, match=r'share the PSF of a band: .* band g differs'):
        in_store(stamps, tmp_path).append(other)
    plain = make_stamps(3)
    assert concatenate([plain, plain.replace(bands='r')], renumber=True).bands == ()
    with pytest.raises(ValueError, match=r'same bands .* got g and r'):
        concatenate([plain.replace(bands=name) for name in 'gr'], renumber=True)


def test_another_unit_changes_zero_points():
    stamps = colored()
    other = stamps.replace(unit=1000 * u.electron)
    assert [band.zero_point.value for band in other.bands[:2]] == pytest.approx([16.5, 17.5])
    assert other.bands[2].zero_point is None
    stated = stamps.replace(unit=1000 * u.electron, bands=BANDS)
    assert stated.bands == BANDS


def test_new_pixels_of_other_bands_need_names():
    stamps = colored(uncertainty=None)
    with pytest.raises(ValueError, match=r'has the bands g, r, F814W; .* give `bands` too'):
        stamps.replace(pixels=stamps.pixels[..., :2])
    two = stamps.replace(pixels=stamps.pixels[..., :2], bands=['g', 'r'])
    assert two.bands == (Band('g'), Band('r'))
    assert stamps.replace(pixels=stamps.pixels[..., 0], bands=None).bands == ()


def test_bands_are_checked_when_they_are_assigned():
    stamps = colored()
    stamps.bands = ['u', 'g', 'r']
    assert stamps.bands[0] == Band('u')
    with pytest.raises(ValueError, match="'u' occurs twice"):
        stamps.bands = ['u', 'u', 'r']
    with pytest.raises(ValueError, match='must be 3, as those of the pixels; got 2'):
        StampSet(stamps.pixels, bands=['g', 'r'])


def test_stores_without_names_are_read(tmp_path):
    """As those of earlier versions."""
    store = in_store(make_stamps(3, bands=2), tmp_path)
    assert store.bands == (Band('0'), Band('1'))
    del store._arrays.header['bands']
    assert empty_set(store._arrays).bands == (Band('0'), Band('1'))


def test_sets_of_bands_are_joined(tmp_path):
    stamps = colored()
    parts = {name: stamps[name] for name in ['g', 'r', 'F814W']}
    assert_stamps_equal(StampSet.from_bands(parts), stamps)
    in_stores = {
        name: StampStore.from_stamps(tmp_path / f'{name}.zarr', part)
        for name, part in parts.items()
    }
    assert_stamps_equal(StampSet.from_bands(in_stores), stamps)
    # What the key says counts, and all bands of one PSF share it.
    other = Band('V', zero_point=20)
    named = StampSet.from_bands({other: stamps['g'], 'r': stamps['r'].replace(psf=PSF)})
    assert named.bands == (
        Band('V', wavelength=480 * u.nm, zero_point=20),
        Band('r', wavelength=620 * u.nm, zero_point=25),
    )
    assert np.array_equal(named.psf, PSF)


def test_joined_bands_have_one_unit():
    stamps = make_stamps(3)
    joined = StampSet.from_bands({'g': stamps, 'r': stamps.replace(unit='uJy')})
    assert joined.unit == u.nJy
    assert np.allclose(joined.pixels[..., 0], joined.pixels[..., 1])
    with pytest.raises(u.UnitConversionError, match='electron'):
        StampSet.from_bands({'g': stamps, 'r': make_stamps(3, unit='electron')})


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (make_stamps(4), r'the same stamps; got 3 of \(32, 32\) pixels in g and 4 of \(32, 32\)'),
        (make_stamps(3, shape=(30, 32)), r'and 3 of \(30, 32\) in r'),
        (make_stamps(3, bands=2), 'those of r have 2 bands'),
        (make_stamps(4)[1:], 'the same ids in the same order; those of r differ from those of g'),
        (make_stamps(3, uncertainty=np.ones((3, 32, 32))), 'or none; r has one, g has none'),
    ],
)
def test_bands_that_are_not_joined(other, message):
    with pytest.raises(ValueError, match=message):
        StampSet.from_bands({'g': make_stamps(3), 'r': other})
    with pytest.raises(ValueError, match='at least one band; got none'):
        StampSet.from_bands({})


def test_each_band_as_cutouts():
    stamps = colored(3)
    for convert in (StampSet.to_cutout2d, StampSet.to_ccddata):
        found = convert(stamps)
        assert list(found) == ['g', 'r', 'F814W']
        assert np.array_equal(u.Quantity(found['r'][2].data).value, stamps['r'].pixels[2])
    assert found['g'][0].meta['FILTER'] == 'g'
    assert 'FILTER' not in make_stamps(1).to_ccddata()[0].meta


@pytest.mark.parametrize('sets', ['gr', [make_stamps(3)], None])
def test_sets_of_bands_without_names(sets):
    with pytest.raises(TypeError, match='`sets` must be a dictionary of a set for each band'):
        StampSet.from_bands(sets)


def test_names_of_bands_in_an_array_and_one_band_of_a_stack():
    stamps = make_stamps(3, bands=['F606W', 'F814W', 'i'])
    assert_stamps_equal(stamps[np.array(['i', 'F606W'])], stamps[['i', 'F606W']])
    for band in ('F814W', 1):
        assert np.array_equal(stamps.stack(band).pixels, stamps['F814W'].pixels)
    with pytest.raises(ValueError, match=r"\(F606W, F814W, i\); got 'sum'"):
        stamps.stack('sum')
