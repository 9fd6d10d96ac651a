import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.nddata import CCDData, Cutout2D, StdDevUncertainty
from astropy.table import QTable
from astropy.wcs import WCS
from judges import sextractor as judge

from astro_wgan import DetectionConfig, StampSet, StampStore, datasets
from astro_wgan.sources import SourceFlag, batch, measure_sources
from astro_wgan.sources import photometry as measurement
from astro_wgan.testing import make_wcs


@pytest.fixture(scope='module')
def group():
    return datasets.load_image('mock_f814w')


@pytest.fixture(scope='module')
def pairs():
    return judge.simulate_pairs(30, seed=5)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(batch, '_PIXELS', 7 * 64 * 64)


def measure(stamps, **options):
    return measure_sources(stamps, progress=False, **options)


def assert_same(first, second):
    for one, two in ((first.sources, second.sources), (first.stamps, second.stamps)):
        assert one.colnames == two.colnames
        assert len(one) == len(two)
        for name in one.colnames:
            a, b = one[name], two[name]
            if isinstance(a, SkyCoord):
                assert np.allclose(a.separation(b).deg[np.isfinite(a.ra)], 0, atol=1e-9)
            elif np.asarray(getattr(a, 'value', a)).dtype.kind in 'US':
                assert (a == b).all()
            else:
                assert np.array_equal(
                    getattr(a, 'value', a), getattr(b, 'value', b), equal_nan=True
                )
                assert getattr(a, 'unit', None) == getattr(b, 'unit', None)


def test_flux_ratios_are_near_the_truth(pairs):
    wide = pairs.separation > 15
    stamps = measure(StampSet(pairs.pixels[wide])).stamps
    two = stamps['n_neighbors'] == 1
    assert np.count_nonzero(two) > 5
    assert np.median(np.abs(stamps['flux_ratio'][two] / pairs.flux_ratio[wide][two] - 1)) < 0.1
    offset = stamps['separation'][two].value - pairs.separation[wide][two]
    assert np.median(np.abs(offset)) < 0.3


def test_units_of_all_that_is_measured():
    pixels = 5 * np.random.default_rng(1).normal(size=(2, 48, 48))
    pixels[:, 20:28, 20:28] += 300
    found = measure(StampSet(pixels * u.nJy, pixel_scale=0.06 * u.arcsec))
    sources = found.sources
    for name in ('kron_flux', 'kron_flux_err', 'isophotal_flux', 'isophotal_flux_err', 'peak'):
        assert sources[name].unit == u.nJy
    for name in ('x', 'y', 'half_light_radius', 'semimajor_axis', 'semiminor_axis'):
        assert sources[name].unit == u.pix
    assert sources['half_light_radius_arcsec'].unit == u.arcsec
    assert u.allclose(
        sources['half_light_radius_arcsec'],
        sources['half_light_radius'].value * 0.06 * u.arcsec,
    )
    assert u.allclose(sources['magnitude'], sources['kron_flux'].to(u.ABmag))
    assert sources['magnitude_err'].unit == u.mag
    relative = sources['kron_flux_err'] / sources['kron_flux']
    assert u.allclose(sources['magnitude_err'], 1.0857 * relative * u.mag, rtol=1e-4)
    assert found.stamps['kron_flux'].unit == u.nJy
    assert found.stamps['separation'].unit == u.pix
    assert found.stamps['separation_arcsec'].unit == u.arcsec
    assert (found.stamps['id'] == [0, 1]).all()


@pytest.mark.parametrize('zero_point', [25.5, 25.5 * u.mag, 25.5 * u.ABmag])
def test_magnitudes_by_a_zero_point(pairs, zero_point):
    found = measure(StampSet(pairs.pixels[:3]), zero_point=zero_point).sources
    assert np.allclose(found['magnitude'].value, 25.5 - 2.5 * np.log10(found['kron_flux'].value))
    assert found['magnitude'].unit == u.ABmag
    assert 'magnitude' not in measure(StampSet(pairs.pixels[:3])).sources.colnames


def test_positions_on_the_sky_and_angles_from_north():
    wcs = make_wcs((100, 120), position_angle=30 * u.deg)
    y, x = np.mgrid[:100, :120]
    pixels = np.random.default_rng(1).normal(size=(100, 120))
    # Along the y axis of the image.
    pixels += 200 * np.exp(-(((x - 70) / 2) ** 2 + ((y - 40) / 5) ** 2) / 2)
    image = CCDData(pixels, unit='adu', wcs=wcs)
    stamps = StampSet.from_image(image, positions=[(70, 40), (75, 45)], size=48)
    found = measure(stamps)
    central = found.stamps
    place = wcs.pixel_to_world(70, 40)
    assert np.all(central['sky'].separation(place) < 0.01 * u.arcsec)
    assert central['x'].value.round(1).tolist() == [24.0, 19.0]
    # Up in the image is this far from north through east.
    north = wcs.pixel_to_world(70, 40).position_angle(wcs.pixel_to_world(70, 41)).deg
    difference = central['position_angle'].value - north
    assert np.allclose((difference + 90) % 180 - 90, 0, atol=1)
    assert found.sources['is_central'].all()


def test_angles_on_the_sky_are_those_where_the_source_is():
    wcs = make_wcs(
        (760, 300),
        center=SkyCoord(0, 0, unit='deg'),
        reference_pixel=(149, 49),
        projection='CAR',
        pixel_scale=0.1 * u.deg,
    )
    y, x = np.mgrid[:760, :300]
    rng = np.random.default_rng(4)
    image = rng.normal(size=x.shape)
    # At declinations 0 and 65.
    for line in (49, 699):
        for column in (140, 155):
            image += 300 * np.exp(-((x - column) ** 2 + (y - line) ** 2) / 8)
    stamps = StampSet.from_image(
        CCDData(image, unit='adu', wcs=wcs), size=48, positions=[(140, 49), (140, 699)]
    )
    found = measure(stamps).stamps
    cos = np.sqrt(np.cos(np.radians([0, 65])))
    for name in ('half_light_radius', 'separation'):
        scale = found[f'{name}_arcsec'].value / found[name].value
        assert scale == pytest.approx(360 * cos, rel=2e-3)


def test_every_kind_of_image_gives_the_same(group):
    positions = [(143, 181), (100, 80), (60, 120)]
    stamps = StampSet.from_image(group, positions=positions, size=48)
    expected = measure(stamps)
    assert len(expected.sources) > 3
    data = group.data * group.unit
    cutouts = [Cutout2D(data, position, 48, wcs=group.wcs) for position in positions]
    assert_same(measure(cutouts), expected)
    assert_same(measure(stamps.to_ccddata()), expected)
    assert_same(measure(group, positions=positions, size=48), expected)
    assert_same(measure(cutouts[0]), measure(stamps[:1]))


def test_a_whole_image_is_one_stamp(group):
    found = measure(group)
    assert len(found.stamps) == 1
    assert len(found.sources) > 15
    assert found.sources['label'].tolist() == list(range(1, len(found.sources) + 1))


def test_mask_and_uncertainty_are_used(pairs):
    pixels = pairs.pixels[:4]
    plain = measure(StampSet(pixels)).sources
    noise = np.full(pixels.shape, 6.0)
    noisy = measure(StampSet(pixels, uncertainty=noise), detection=DetectionConfig(threshold=0.75))
    assert len(noisy.sources) == len(plain)
    factor = float(np.median(noisy.sources['kron_flux_err'] / plain['kron_flux_err']))
    assert factor == pytest.approx(2, rel=0.1)
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[:, 30:33, 30:33] = True
    masked = measure(StampSet(pixels, mask=mask)).stamps
    assert (masked['flags'] & int(SourceFlag.MASKED) > 0).all()
    ccd = CCDData(pixels[0], unit='adu', mask=mask[0], uncertainty=StdDevUncertainty(noise[0]))
    one = measure(ccd, detection=DetectionConfig(threshold=0.75)).stamps
    same = measure(
        StampSet(pixels[:1] * u.adu, mask=mask[:1], uncertainty=noise[:1]),
        detection=DetectionConfig(threshold=0.75),
    ).stamps
    assert one['kron_flux'] == same['kron_flux']


def test_stamps_without_a_central_source_stay_as_rows(pairs):
    pixels = pairs.pixels[:4].copy()
    pixels[1] = np.random.default_rng(1).normal(size=(64, 64))
    pixels[2] = np.nan
    pixels[3] = np.roll(pixels[3], 25, axis=1)
    table = measure(StampSet(pixels), detection=DetectionConfig(threshold=4), saturation=20).stamps
    assert len(table) == 4
    assert table['status'].tolist()[:3] == ['measured', 'no source', 'no pixel can be used']
    assert table['status'][3] == 'no source in the middle'
    assert table['label'].tolist()[1:] == [0, 0, 0]
    assert np.isnan(table['kron_flux'][1:]).all()
    assert table['companion_class'].tolist()[1:] == ['unknown'] * 3
    assert table['n_neighbors'][3] >= 1
    assert table['neighbor_kron_flux'][3] > 0
    assert table['saturated'].tolist() == [True, False, False, False]
    assert table.meta['status']['no source'] == 1


@pytest.mark.parametrize('box', [16, 64])
def test_sky_of_each_stamp(box):
    rng = np.random.default_rng(1)
    pixels = 100 + rng.normal(scale=2, size=(3, 64, 64))
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[0, :, :32] = mask[2] = True
    pixels[0, :, :32] += 1000
    detection = DetectionConfig(background_box=box)
    table = measure(StampSet(pixels, mask=mask, unit='nJy'), detection=detection).stamps
    np.testing.assert_allclose(table['background'].to_value(u.nJy), [100, 100, np.nan], atol=0.3)
    np.testing.assert_allclose(table['noise_rms'].to_value(u.nJy), [2, 2, np.nan], rtol=0.1)
    noise = np.where(mask, np.inf, 3)
    table = measure(StampSet(pixels, uncertainty=noise), detection=detection).stamps
    np.testing.assert_allclose(table['noise_rms'], [3, 3, np.nan])
    np.testing.assert_allclose(table['background'], [100, 100, np.nan], atol=0.3)


def test_no_source_at_all():
    pixels = np.random.default_rng(1).normal(size=(2, 32, 32))
    found = measure(
        StampSet(pixels * u.nJy, pixel_scale=1 * u.arcsec), detection=DetectionConfig(threshold=9)
    )
    assert len(found.sources) == 0
    assert found.sources['kron_flux'].unit == u.nJy
    assert found.stamps['kron_flux'].unit == u.nJy
    assert (found.stamps['status'] == 'no source').all()


def test_no_stamps_at_all():
    found = measure(StampSet(np.zeros((0, 32, 32))))
    assert len(found.stamps) == len(found.sources) == 0


def test_tables_are_written_and_read(tmp_path, group):
    found = measure(StampSet.from_image(group, positions=[(143, 181)], size=64), zero_point=25.9)
    for table in (found.sources, found.stamps):
        table.write(tmp_path / 'table.ecsv', overwrite=True)
        back = QTable.read(tmp_path / 'table.ecsv')
        assert back.colnames == table.colnames
        assert u.allclose(back['kron_flux'], table['kron_flux'])
        assert u.allclose(back['magnitude'], table['magnitude'])
        assert back.meta['sources']['detection']['threshold'] == 1.5


@pytest.mark.usefixtures('small_batches')
def test_batches_stores_and_bands_change_nothing(pairs, tmp_path):
    stamps = StampSet(pairs.pixels)
    expected = measure(stamps)
    store = StampStore.create(tmp_path / 'stamps.zarr', like=stamps)
    store.append(stamps)
    assert_same(measure(store), expected)
    colors = StampSet(np.stack([pairs.pixels, -pairs.pixels], axis=-1))
    assert_same(measure(colors, band=0), expected)


@pytest.mark.usefixtures('small_batches')
def test_killed_work_goes_on(pairs, tmp_path, monkeypatch):
    stamps = StampSet(pairs.pixels)
    expected = measure(stamps)
    measured = []

    def count_and_stop(images, settings):
        measured.append(len(images.pixels))
        if len(measured) == 3:
            raise KeyboardInterrupt
        return real(images, settings)

    real = measurement.measure_batch
    monkeypatch.setattr(measurement, 'measure_batch', count_and_stop)
    with pytest.raises(KeyboardInterrupt):
        measure(stamps, output=tmp_path / 'sources.npz')
    assert_same(measure(stamps, output=tmp_path / 'sources.npz'), expected)
    assert sum(measured[3:]) == 30 - 14
    measured.clear()
    assert_same(measure(stamps, output=tmp_path / 'sources.npz'), expected)
    assert not measured


@pytest.mark.usefixtures('small_batches')
def test_results_of_other_work_or_damaged_ones_are_not_taken(pairs, tmp_path):
    stamps, output = StampSet(pairs.pixels[:10]), tmp_path / 'sources.npz'
    measure(stamps, output=output)
    with pytest.raises(ValueError, match=r'to other settings: `detection\.threshold` was 1\.5 and'):
        measure(stamps, output=output, detection=DetectionConfig(threshold=2))
    with pytest.raises(ValueError, match='to other settings: `saturation` was None and is 9'):
        measure(stamps, output=output, saturation=9.0)
    with pytest.raises(ValueError, match='to other stamps: their pixels differ'):
        measure(StampSet(pairs.pixels[10:20]), output=output)
    with pytest.raises(ValueError, match=r'`output` must be a file; .* is a folder'):
        measure(stamps, output=tmp_path)
    output.write_bytes(output.read_bytes()[:500])
    with pytest.raises(ValueError, match=r'sources\.npz does not hold measurements'):
        measure(stamps, output=output)
    output.unlink()
    assert_same(measure(stamps, output=output), measure(stamps))


@pytest.mark.usefixtures('small_batches')
def test_results_of_a_former_version_are_refused_before_anything_is_measured(
    pairs, tmp_path, monkeypatch
):
    stamps, output = StampSet(pairs.pixels[:10]), tmp_path / 'sources.npz'
    with monkeypatch.context() as former:
        former.setattr(measurement, '_FORMAT', 3)
        measure(stamps, output=output)
    monkeypatch.setattr(measurement, 'measure_batch', None)
    with pytest.raises(ValueError, match='other settings: `format of columns` was 3 and is 4'):
        measure(stamps, output=output)


@pytest.mark.usefixtures('small_batches')
@pytest.mark.parametrize(
    ('change', 'what'),
    [
        ('pixels', 'their pixels differ'),
        ('mask', 'they had no masks, and have some'),
        ('uncertainty', 'they had no uncertainties, and have some'),
        ('wcs', 'their WCS differ'),
        ('unit', "their unit was None and is 'nJy'"),
    ],
)
def test_a_change_of_the_last_stamp_is_seen_before_anything_is_measured(
    pairs, tmp_path, monkeypatch, change, what
):
    stamps = StampSet(pairs.pixels[:20])
    output = tmp_path / 'sources.npz'
    measure(stamps, output=output)
    values = {
        'pixels': stamps.pixels.copy(),
        'mask': np.zeros(stamps.pixels.shape, dtype=bool),
        'uncertainty': np.ones(stamps.pixels.shape),
        'wcs': [None] * 20,
        'unit': 'nJy',
    }
    if change == 'wcs':
        values['wcs'][-1] = WCS(naxis=2)
    elif change != 'unit':
        values[change][-1, 0, 0] = 1
    monkeypatch.setattr(measurement, 'measure_batch', None)
    other = StampSet(**{'pixels': stamps.pixels, change: values[change]})
    with pytest.raises(ValueError, match=f'belongs to other stamps: {what}'):
        measure(other, output=output)


@pytest.mark.usefixtures('small_batches')
def test_two_processes_measure_the_same(pairs):
    stamps = StampSet(pairs.pixels)
    assert_same(measure(stamps, processes=2), measure(stamps))


@pytest.mark.usefixtures('small_batches')
def test_a_dask_cluster_measures_the_same(pairs):
    distributed = pytest.importorskip('distributed')
    stamps = StampSet(pairs.pixels)
    with distributed.Client(processes=False, dashboard_address=':0') as client:
        assert_same(measure(stamps, client=client), measure(stamps))


def test_progress_is_shown_on_demand(pairs, capsys):
    measure_sources(StampSet(pairs.pixels[:2]))
    assert 'sources 100%  2 of 2 stamps' in capsys.readouterr().err
    measure(StampSet(pairs.pixels[:2]))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'error', 'sentence'),
    [
        ({'engine': 'sextractor'}, ValueError, '`engine` must be one of'),
        ({'processes': 0}, ValueError, '`processes` must be a whole number, at least 1; got 0'),
        ({'band': 0}, ValueError, '`band` is for stamps of several bands'),
        ({'band': [0, 1]}, ValueError, '`band` is for stamps of several bands'),
        ({'positions': [(3, 4)]}, ValueError, '`positions` are for an image'),
        ({'zero_point': 3 * u.Jy}, ValueError, '`zero_point` must be in AB magnitudes'),
        ({'zero_point': np.nan}, ValueError, '`zero_point` must be one finite number'),
        ({'saturation': 3 * u.Jy}, ValueError, '`saturation` must be in the unit'),
        ({'saturation': np.nan}, ValueError, '`saturation` must be one number; got nan'),
        ({'saturation': np.ma.masked}, ValueError, '`saturation` must be one number'),
        ({'saturation': [100, 200]}, ValueError, '`saturation` must be one number'),
        ({'saturation': 'high'}, ValueError, '`saturation` must be one number'),
    ],
)
def test_arguments_out_of_range(pairs, options, error, sentence):
    with pytest.raises(error, match=sentence):
        measure(StampSet(pairs.pixels[:2]), **options)


def test_things_that_are_no_stamps():
    with pytest.raises(TypeError, match='`stamps` must be a StampSet'):
        measure(np.zeros((2, 32, 32)))
    with pytest.raises(ValueError, match='`stamps` must hold at least one'):
        measure([])


# Positions outside of the image


def test_a_position_outside_has_a_row_that_says_so(group):
    y, x = np.indices((90, 120))
    light = 50 * np.exp(-((x - 40) ** 2 + (y - 30) ** 2) / 2 / 3**2)
    pixels = light + np.random.default_rng(3).normal(0, 1, x.shape)
    wcs = group.wcs.deepcopy()
    image = CCDData(pixels, unit='nJy', wcs=wcs)
    far = [(40, 30), (5000, 5000), (-30, 40), (40, 110), (118, 88)]
    table = QTable({'id': [*'abcde'], 'x': [p[0] for p in far], 'y': [p[1] for p in far]})
    found = measure(image, positions=table, size=32)
    status = dict(zip(found.stamps['id'].tolist(), found.stamps['status'].tolist(), strict=True))
    assert [status[k] for k in 'abcd'] == ['measured', *['outside the image'] * 3]
    assert status['e'] != 'outside the image'
    assert found.stamps.meta['status']['outside the image'] == 3
    # The row inside is what it is alone; the others have no value.
    alone = measure(image, positions=[(40, 30)], size=32).stamps
    assert found.stamps['kron_flux'][0] == alone['kron_flux'][0]
    outside = found.stamps[1:4]
    for name in ('kron_flux', 'x', 'orientation', 'background', 'noise_rms', 'half_light_radius'):
        assert np.isnan(outside[name]).all()
    assert outside['label'].tolist() == [0, 0, 0]
    assert not np.isin(['b', 'c', 'd'], found.sources['id']).any()


@pytest.mark.parametrize('engine', ['sep', 'photutils'])
def test_all_positions_may_be_outside(group, engine):
    antipode = SkyCoord(group.wcs.pixel_to_world(50, 50).ra + 180 * u.deg, 0 * u.deg)
    for positions in ([(5000, 5000)], antipode):
        found = measure(group, positions=positions, size=32, engine=engine)
        assert found.stamps['status'].tolist() == ['outside the image']
        assert len(found.sources) == 0
