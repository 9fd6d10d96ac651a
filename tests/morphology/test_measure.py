import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import StampSet
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.detection.sep_detection import detect
from astro_wgan.morphology import measure_morphology
from astro_wgan.sources import segment_stamps
from astro_wgan.stamps import Band

statmorph = pytest.importorskip('statmorph')

#: Our column, and statmorph's attribute.
SAME = {
    'concentration': 'concentration',
    'asymmetry': 'asymmetry',
    'smoothness': 'smoothness',
    'gini': 'gini',
    'm20': 'm20',
    'gini_m20_bulge': 'gini_m20_bulge',
    'multimode': 'multimode',
    'intensity': 'intensity',
    'deviation': 'deviation',
    'shape_asymmetry': 'shape_asymmetry',
    'half_light_radius': 'rhalf_ellip',
    'petrosian_radius': 'rpetro_ellip',
    'petrosian_flux': 'flux_ellip',
    'signal_to_noise': 'sn_per_pixel',
    'sersic_index': 'sersic_n',
    'sersic_radius': 'sersic_rhalf',
    'sersic_amplitude': 'sersic_amplitude',
    'flag': 'flag',
    'flag_sersic': 'flag_sersic',
}


def measure(stamps, **options):
    return measure_morphology(stamps, progress=False, **options)


def assert_equal(row, shape):
    for name, attribute in SAME.items():
        value = np.asarray(getattr(row[name], 'value', row[name]))
        expected = np.nan if shape[attribute] == -99 else shape[attribute]
        # The fit is one of steps, which end at other last digits in other units.
        rtol = 1e-6 if 'sersic' in name else 1e-9
        np.testing.assert_allclose(value, expected, rtol=rtol, err_msg=name)
    assert row['axis_ratio'] == pytest.approx(1 - shape.ellipticity_asymmetry)
    assert row['sersic_axis_ratio'] == pytest.approx(1 - shape.sersic_ellip)


@pytest.fixture(scope='module')
def table(group):
    return measure(group)


@pytest.fixture(scope='module')
def segments(group):
    return segment_stamps(group)


@pytest.mark.parametrize('k', range(3))
def test_central_source_is_what_statmorph_gives_by_hand(table, group, segments, k):
    found = detect(group.pixels[k])
    shape = statmorph.SourceMorphology(
        (group.pixels[k] - found.background).astype(float),
        segments.labels[k],
        segments.central[k],
        weightmap=found.noise_rms.astype(float),
    )
    assert_equal(table[k], shape)
    assert table['status'][k] == 'measured'


def test_everything_is_what_statmorph_gives_by_hand(table, group, segments):
    found = detect(group.pixels[0])
    assert segments.labels[0].max() > 1
    (shape,) = statmorph.source_morphology(
        (group.pixels[0] - found.background).astype(float),
        (segments.labels[0] > 0).astype(int),
        weightmap=found.noise_rms.astype(float),
    )
    row = measure(group[0], target='all')[0]
    assert_equal(row, shape)
    # The neighbor counts.
    assert row['petrosian_flux'] > 1.3 * table['petrosian_flux'][0]
    assert row['m20'] > table['m20'][0]


def exponential(radius, peak=3000):
    """A round exponential profile on noise of standard deviation 1."""
    y, x = np.indices((48, 48)) - 23.5
    image = peak * np.exp(-np.hypot(x, y) / radius)
    return image + np.random.default_rng(1).normal(size=image.shape)


@pytest.mark.parametrize(('radius', 'box'), [(0.7, 0), (1.5, 1), (2, 1), (3, 2)])
def test_smoothness_needs_a_box_of_two_pixels(radius, box):
    image = exponential(radius)
    table, labels = (
        measure(StampSet(image[np.newaxis])),
        segment_stamps(StampSet(image[np.newaxis])),
    )
    found = detect(image)
    shape = statmorph.SourceMorphology(
        image - found.background, labels.labels[0], labels.central[0], weightmap=found.noise_rms
    )
    assert int(0.25 * shape.rpetro_circ) == box
    assert table['gini'][0] == pytest.approx(shape.gini, rel=1e-5)
    assert (shape.smoothness == 0) == (box < 2)
    if box < 2:
        assert np.isnan(table['smoothness'][0])
        assert table['status'][0] == f'measured without smoothness: its box has {box} pixels'
    else:
        assert table['smoothness'][0] == pytest.approx(shape.smoothness, rel=1e-4)
        assert table['status'][0] == 'measured'


def test_galaxies_that_fill_their_stamps():
    y, x = np.indices((64, 64)) - 31.5
    profiles = {radius: 30 * np.exp(-np.hypot(x, y / 0.7) / radius) for radius in (3, 10)}
    noise = np.random.default_rng(1).normal(size=(2, 64, 64))
    stamps = StampSet(np.stack([profiles[3], profiles[10]]) + noise)
    table = measure(stamps, sersic=False)
    assert table['stamp_filled'].tolist() == [False, True]
    stated = measure(stamps, sersic=False, background=0)
    assert not stated['stamp_filled'].any()
    # An exponential profile has half of its light within 1.678 scale lengths.
    radius = stated['half_light_radius'].value
    assert radius[0] == pytest.approx(1.678 * 3, rel=0.1)
    assert table['half_light_radius'].value[1] < 0.9 * radius[1]
    lost = 1 - (table['petrosian_flux'] / stated['petrosian_flux'])
    assert abs(lost[0]) < 0.05 < 0.1 < lost[1]


@pytest.mark.parametrize('dtype', ['f4', 'f8'])
@pytest.mark.parametrize('factor', [1e-35, 1e-20, 1e15, 1e31])
@pytest.mark.parametrize('options', [{}, {'gain': 2.0}], ids=['noise', 'gain'])
def test_shapes_are_the_same_in_any_unit(group, factor, dtype, options):
    options = {**options, 'sersic': False}
    table = measure(group[1:], **options)
    if 'gain' in options:
        options['gain'] = options['gain'] / factor
    other = measure(StampSet((group.pixels[1:].astype(float) * factor).astype(dtype)), **options)
    for name in ('concentration', 'asymmetry', 'gini', 'm20', 'signal_to_noise', 'intensity'):
        np.testing.assert_allclose(other[name], table[name], rtol=1e-4, err_msg=name)
    for name in ('petrosian_flux', 'sky_rms'):
        np.testing.assert_allclose(other[name].value / factor, table[name].value, rtol=1e-5)


def test_petrosian_flux_of_surface_brightness_is_flux(group):
    plain = measure(group[1:2], sersic=False)
    bright = StampSet(group.pixels[1:2], unit='uJy / arcsec2', pixel_scale=0.5 * u.arcsec)
    table = measure(bright, sersic=False)
    assert table['petrosian_flux'].unit == u.uJy
    np.testing.assert_allclose(
        table['petrosian_flux'].value, plain['petrosian_flux'].value * 0.25, rtol=1e-6
    )
    assert table['sky_rms'].unit == u.uJy / u.arcsec**2
    hot = measure(StampSet(group.pixels[1:2], unit='K'), sersic=False)
    assert hot['petrosian_flux'].unit == u.K * u.pix**2


def test_segments_at_the_border_are_told():
    y, x = np.indices((64, 64)) - 31.5
    noise = np.random.default_rng(1).normal(size=(2, 64, 64))
    # One is round and small, the other one's light crosses the stamp from side to side.
    light = [np.exp(-(x**2 + y**2) / 50), np.exp(-(x**2) / 3000 - y**2 / 50)]
    table = measure(StampSet(100 * np.array(light) + noise), sersic=False)
    assert table['touches_border'].tolist() == [False, True]


def test_units_and_scale(table, group):
    assert table['half_light_radius'].unit == u.pix
    assert table['petrosian_flux'].unit == group.unit or group.unit is None
    np.testing.assert_allclose(
        table['half_light_radius_arcsec'].to_value(u.arcsec),
        table['half_light_radius'].value * group.pixel_scale.value,
        # A tangent plane has its scale at one place alone.
        rtol=1e-6,
    )
    np.testing.assert_array_equal(table['id'], group.ids)
    assert table.meta['status'] == {'measured': 3}
    assert table.meta['provenance']['versions']['statmorph'] == statmorph.__version__


def test_known_profile_is_found(galaxy, stack):
    table = measure(
        stack(
            galaxy.image,
            uncertainty=np.ones((1, 64, 64)),
            psf=galaxy.psf,
            unit='nJy',
            pixel_scale=0.1 * u.arcsec,
        )
    )
    assert table['sersic_index'][0] == pytest.approx(1.5, rel=0.1)
    assert table['sersic_radius_arcsec'][0].to_value('arcsec') == pytest.approx(0.5, rel=0.05)
    assert table['sersic_axis_ratio'][0] == pytest.approx(0.7, abs=0.03)
    assert table['sersic_orientation'][0].to_value('rad') == pytest.approx(0.5, abs=0.05)
    assert table['sersic_orientation'].unit == table['orientation'].unit == u.deg
    assert table['sersic_amplitude'][0].to_value('nJy') == pytest.approx(20, rel=0.1)
    assert table['sersic_chi2_dof'][0] == pytest.approx(1, abs=0.05)
    assert abs(table['asymmetry'][0]) < 0.1
    assert table['flag'][0] == 0
    # Smeared, the galaxy seems rounder and less peaked.
    bare = measure(stack(galaxy.image))
    assert bare['sersic_index'][0] < 1.4
    assert 'sersic_radius_arcsec' not in bare.colnames


def test_uncertainty_is_the_weight_map(galaxy, stack):
    noise = np.full((64, 64), 2.0)
    noise[:20] = 4
    row = measure(stack(galaxy.image, uncertainty=noise[np.newaxis]))[0]
    found = detect(galaxy.image, noise_rms=noise)
    shape = statmorph.SourceMorphology(
        galaxy.image - found.background, found.labels, found.labels[32, 32], weightmap=noise
    )
    # Single precision in between.
    assert row['signal_to_noise'] == pytest.approx(shape.sn_per_pixel, rel=1e-5)
    assert row['sersic_chi2_dof'] == pytest.approx(shape.sersic_chi2_dof, rel=1e-3)


def test_gain_makes_the_weight_map(galaxy, stack):
    found = detect(galaxy.image)
    shape = statmorph.SourceMorphology(
        galaxy.image - found.background, found.labels, found.labels[32, 32], gain=3.0
    )
    row = measure(stack(galaxy.image), gain=3.0)[0]
    assert row['signal_to_noise'] == pytest.approx(shape.sn_per_pixel)


def test_labels_of_the_caller_are_used(galaxy, stack):
    y, x = np.indices((64, 64)) - 31.5
    labels = np.where(np.hypot(x, y) < 12, 5, 0)
    row = measure(stack(galaxy.image), segmentation=labels[np.newaxis], subtract_background=False)[
        0
    ]
    shape = statmorph.SourceMorphology(
        # Stamps are seen in single precision.
        galaxy.image.astype(np.float32).astype(float),
        labels,
        5,
        weightmap=detect(galaxy.image).noise_rms.astype(float),
    )
    assert_equal(row, shape)


def test_labels_of_the_caller_are_missing_where_nothing_can_be_seen(galaxy, stack):
    stamps = stack(galaxy.image, np.full((64, 64), np.nan), np.ones((64, 64)), galaxy.image)
    labels = np.zeros((4, 64, 64), int)
    labels[:3, 22:42, 22:42] = 3
    table = measure(stamps, segmentation=labels, sersic=False)
    assert table['status'].tolist() == [
        'measured',
        'no pixel can be used',
        'the background has no noise',
        'no source',
    ]


def test_neighbor_can_be_masked(galaxy, stack):
    image = galaxy.image.copy()
    image[8:14, 44:50] += 300
    mask = np.zeros((1, 64, 64), bool)
    mask[0, 6:16, 42:52] = True
    # Brighter than all else, but masked: of no weight in the whole stamp.
    masked = measure(stack(image, mask=mask), target='all', sersic=False)[0]
    clean = measure(stack(galaxy.image, mask=mask), target='all', sersic=False)[0]
    for name in ('concentration', 'gini', 'm20', 'asymmetry', 'half_light_radius'):
        assert masked[name] == clean[name]
    # NaN is a mask too.
    image[mask[0]] = np.nan
    assert measure(stack(image), target='all', sersic=False)['m20'][0] == clean['m20']


def test_failures_are_rows(galaxy, sky, stack):
    hidden = np.full((64, 64), np.nan)
    elsewhere = sky.copy()
    elsewhere[2:8, 50:58] += 50
    stamps = stack(hidden, galaxy.image, np.full((64, 64), 7.0), np.zeros((64, 64)), elsewhere)
    table = measure(stamps, segmentation=DetectionConfig(threshold=3), sersic=False)
    assert table['flag'].tolist() == [4, 0, 4, 4, 4]
    statuses = [
        'no pixel can be used',
        'measured',
        'the background has no noise',
        'the background has no noise',
        'no source in the middle',
    ]
    for status, expected in zip(table['status'], statuses, strict=True):
        assert status.startswith(expected)
    assert np.isnan(table['gini']).tolist() == [True, False, True, True, True]
    assert np.isnan(table['half_light_radius']).tolist() == [True, False, True, True, True]
    np.testing.assert_array_equal(table['id'], np.arange(5))
    assert sum(table.meta['status'].values()) == 5


def test_sky_has_no_source(sky, stack):
    table = measure(stack(sky), target='all', segmentation=DetectionConfig(threshold=8))
    assert table['status'].tolist() == ['no source']


def test_negative_source_is_flagged(galaxy, stack):
    labels = (galaxy.image > 5).astype(int)[np.newaxis]
    table = measure(stack(-galaxy.image), segmentation=labels)
    assert table['status'].tolist() == ['no positive flux']
    assert table['warnings'][0].startswith('Total flux is nonpositive')
    assert np.isnan(table['concentration'][0])


def test_whatever_statmorph_raises_costs_one_row(galaxy, stack, monkeypatch):
    real = statmorph.SourceMorphology

    def fails_once(image, *arguments, **options):
        if image.max() > 1000:
            raise AssertionError('Root not found within range.')
        return real(image, *arguments, **options)

    monkeypatch.setattr(statmorph, 'SourceMorphology', fails_once)
    bright = galaxy.image.copy()
    bright[31, 31] += 1e5
    table = measure(stack(galaxy.image, bright, galaxy.image), sersic=False)
    failure = 'statmorph failed: AssertionError: Root not found within range.'
    assert table['status'].tolist() == ['measured', failure, 'measured']
    assert table['flag'].tolist() == [0, 4, 0]
    assert table['gini'][2] == table['gini'][0]


def test_bad_measurements_keep_their_warnings_and_flags(sky, stack):
    image = sky.copy()
    image[30:33, 30:33] += 4
    table = measure(stack(image), sersic=False)
    assert table['flag'][0] >= 1
    assert table['status'][0].startswith('measured')
    assert '[sersic]' not in table['warnings'][0]
    # What statmorph writes as -99 is missing.
    numbers = [table[name] for name in table.colnames if table[name].dtype.kind == 'f']
    assert not any((np.asarray(column) == -99).any() for column in numbers)


def test_options_reach_statmorph_and_do_not_stick(galaxy, stack):
    options = {'petro_extent_cas': 1.0, 'sersic_model_args': {'fixed': {'n': True}, 'n': 1.0}}
    table = measure(stack(galaxy.image, galaxy.image.T), statmorph_options=options)
    np.testing.assert_array_equal(table['sersic_index'], 1)
    # statmorph leaves its first guess in the dictionary that it gets: of the second galaxy too.
    assert options['sersic_model_args'] == {'fixed': {'n': True}, 'n': 1.0}
    np.testing.assert_allclose(table['sersic_radius'][0], table['sersic_radius'][1], rtol=1e-3)
    found = detect(galaxy.image)
    shape = statmorph.SourceMorphology(
        galaxy.image - found.background,
        found.labels,
        found.labels[32, 32],
        weightmap=found.noise_rms.astype(float),
        petro_extent_cas=1.0,
    )
    assert table['asymmetry'][0] == pytest.approx(shape.asymmetry)


def test_without_a_fit_the_rest_is_the_same(group, table):
    other = measure(group[1], sersic=False)
    assert not [name for name in other.colnames if 'sersic' in name]
    for name in ('concentration', 'asymmetry', 'gini', 'm20', 'signal_to_noise', 'flag'):
        assert other[name][0] == table[name][1]


def test_band(galaxy, stack):
    color = StampSet(np.stack([galaxy.image * 3, galaxy.image], axis=-1)[np.newaxis])
    row = measure(color, band=1, sersic=False)[0]
    assert row['petrosian_flux'] == measure(stack(galaxy.image), sersic=False)['petrosian_flux'][0]
    with pytest.raises(ValueError, match='`band` must be a band, from 0 to 1'):
        measure(color, band=2)


def test_several_bands(galaxy, stack, tmp_path):
    empty = np.random.default_rng(1).normal(size=galaxy.image.shape)
    pixels = np.stack([galaxy.image * 3, galaxy.image, empty], axis=-1)[np.newaxis]
    psf = np.outer([1, 2, 1], [1, 2, 1]) / 16
    color = StampSet(pixels, bands=['g', Band('r', psf=psf), 'i'])
    table = measure(color, sersic=False, output=tmp_path / 'shapes.npz')
    for band in 'gri':
        alone = measure(color, band=band, sersic=False)
        for name in alone.colnames[1:]:
            one, other = np.asarray(table[f'{name}_{band}']), np.asarray(alone[name])
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == 'f')
        assert (tmp_path / f'shapes_{band}.npz').exists()
        assert table.meta['morphology'][band] == alone.meta['morphology']
    assert table['status'][0].startswith('i: no source')
    assert measure(color, band=['r', 'g'], sersic=False)['status'][0] == 'measured'
    assert table.meta['morphology']['r']['psf'] == [3, 3]
    assert table.meta['morphology']['g']['psf'] is None


def test_no_stamps_at_all(group, table):
    empty = measure(group[:0])
    assert isinstance(empty, QTable)
    assert len(empty) == 0
    assert empty.colnames == table.colnames


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'target': 'everything'}, "`target` must be 'central' or 'all'; got 'everything'"),
        ({'gain': 0}, '`gain` must be above 0'),
        ({'psf': np.zeros((5, 5))}, '`psf`'),
        ({'psf': np.ones(5)}, '`psf`'),
        ({'psf': np.ones((5, 5)), 'sersic': False}, '`psf` is for the Sersic model'),
        ({'processes': 2, 'client': object()}, 'Give `processes` or `client`, not both'),
        ({'band': 0}, '`band` is for stamps of several bands'),
        ({'segmentation': np.ones((64, 64), int)}, '`segmentation` must be a DetectionConfig'),
        ({'segmentation': np.ones((3, 64, 64))}, 'float64'),
        ({'segmentation': np.full((3, 64, 64), -1)}, 'non-negative integers'),
        ({'statmorph_options': {'psf': None}}, "got 'psf'"),
        ({'statmorph_options': {'petro_extend_cas': 2}}, "got 'petro_extend_cas'"),
        ({'processes': 0}, '`processes`'),
    ],
)
def test_what_cannot_be(group, options, message):
    with pytest.raises(ValueError, match=message):
        measure(group, **options)


def test_missing_statmorph_is_told(group, monkeypatch):
    monkeypatch.setitem(sys.modules, 'statmorph', None)
    with pytest.raises(ImportError, match=r'astro_wgan\[morphology\]'):
        measure(group)
