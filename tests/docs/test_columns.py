"""Every column that the package writes is on the page of columns, with its unit, and no other."""

import importlib
import inspect
import pkgutil
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable

import astro_wgan
from astro_wgan import (
    AnomalyDetector,
    StampSet,
    baselines,
    catalogs,
    datasets,
    evaluate,
    mergers,
    mocks,
    noise,
)
from astro_wgan.anomaly import ClassifierConfig, critic_features
from astro_wgan.labeling import LabelFile, merge_labels, rerank
from astro_wgan.morphology import measure_morphology
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.sources import measure_sources
from astro_wgan.testing import make_stamps, make_wcs
from astro_wgan.wgan import WGAN

PAGE = Path(__file__).parents[2] / 'docs' / 'reference' / 'columns.rst'
TABLE = re.compile(r'   :name: columns-(?P<name>[\w-]+)\n(?:   :.*\n)*\n(?P<rows>(?:   .*\n)+)')
#: What stands for a unit that depends on the data.
IMAGE_UNIT, TRAINING_UNIT = u.electron / u.s, u.nJy
SYMBOLS = {
    'image': IMAGE_UNIT,
    'training': TRAINING_UNIT,
    'image2': IMAGE_UNIT**2,
    'image2 pix2': IMAGE_UNIT**2 * u.pix**2,
    'property': None,
}


@cache
def columns_of_page():
    """For each table of the page, the unit of each column."""
    page = {}
    for table in TABLE.finditer(PAGE.read_text(encoding='utf-8')):
        rows = [line.split('|', maxsplit=2) for line in table['rows'].splitlines()]
        page[table['name']] = {name.strip(' `'): unit.strip() for name, unit, _ in rows}
    return page


def assert_described(table, *names, absent=()):
    """Columns of a table are those of the page, but for absent ones that need other input."""
    described = {}
    for name in names:
        described |= columns_of_page()[name]
    assert set(table.colnames) <= set(described)
    assert set(columns_of_page()[names[0]]) - set(table.colnames) == set(absent)
    for name in table.colnames:
        check_unit(table[name], described[name])


def check_unit(column, text):
    if text == 'property':
        return
    if text == 'ICRS':
        assert isinstance(column, SkyCoord)
        assert column.frame.name == 'icrs'
        return
    expected = SYMBOLS.get(text) or u.Unit(text)
    assert (getattr(column, 'unit', None) or u.dimensionless_unscaled) == expected


@pytest.fixture(scope='module')
def image():
    return datasets.load_image('mock_f814w')


@pytest.fixture(scope='module')
def stamps():
    """Stamps of noise with a blob in the middle, in nJy."""
    return make_stamps(70, shape=(16, 16), sigma=2, peak=30, seed=1, table=None)


@pytest.fixture(scope='module')
def detector(stamps):
    normal, held_out = stamps.split(0.5, seed=1)
    wgan = WGAN.preset('compact', size=16)
    wgan = wgan.fit(normal, held_out=held_out, iterations=25, progress=False)
    return AnomalyDetector(wgan).calibrate(held_out, progress=False)


RETURNS = re.compile(r'^Returns\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)', re.DOTALL | re.MULTILINE)
ATTRIBUTE = re.compile(r'^(\w+) : `~astropy\.table\.Q?Table`(?!.*optional)', re.MULTILINE)


def public_tables():
    """Public functions, methods, properties and attributes that are tables, by their docstrings."""
    for module in packages():
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.isclass(value):
                if returns_table(value):
                    yield name
                continue
            for attribute, member in inspect.getmembers_static(value):
                if not attribute.startswith('_') and returns_table(member):
                    yield f'{name}.{attribute}'
            attributes = (inspect.getdoc(value) or '').partition('Attributes\n---')[2]
            yield from (f'{name}.{attribute}' for attribute in ATTRIBUTE.findall(attributes))


def packages():
    yield astro_wgan
    for module in pkgutil.walk_packages(astro_wgan.__path__, 'astro_wgan.'):
        if module.ispkg:
            package = importlib.import_module(module.name)
            if hasattr(package, '__all__'):
                yield package


def returns_table(value):
    text = inspect.getdoc(value) or ''
    if isinstance(value, property):
        return re.search(r'`~astropy\.table\.Q?Table`', text) is not None
    returned = RETURNS.search(text)
    return returned is not None and '`~astropy.table.' in returned[1].partition('\n')[0]


def test_every_table_is_on_the_page():
    tables = {*public_tables()}
    assert {'WGAN.summary', 'WGAN.history_', 'StampStore.table', 'read_sublink'} <= tables
    text = PAGE.read_text(encoding='utf-8')
    assert [name for name in sorted(tables) if not re.search(rf'\b{name}\b', text)] == []


def test_columns_of_labels(tmp_path):
    labels = LabelFile(tmp_path / 'labels.jsonl')
    labels.add([*range(6)], 'artifact', by='NAME')
    assert_described(labels.table(), 'labels')
    assert_described(merge_labels(labels), 'merged-labels')
    table = QTable({'id': np.arange(8), 'score': np.arange(8.0)})
    found = rerank(table, np.arange(16.0).reshape(8, 2), labels)
    assert_described(found[found.colnames[2:]], 'relevance')
    assert_described(labels.undo(by='NAME'), 'undone-labels')


def test_columns_of_similar_stamps(detector, stamps):
    assert_described(detector.similar(stamps, to=stamps.ids[3], progress=False), 'similar')


def test_columns_of_stamps(image):
    assert_described(StampSet.from_image(image, size=32).table, 'cut-stamps')


def test_columns_of_catalogs(tmp_path):
    table = {'object_id': [4], 'ra': [150.0], 'dec': [2.0]}
    assert_described(catalogs.read_catalog(table), 'catalogs', absent=['_healpix_29'])
    pytest.importorskip('pyarrow')
    path = catalogs.write_catalog(table, tmp_path / 'a.parquet')
    columns = ['_healpix_29']
    assert_described(catalogs.read_catalog(path, columns=columns), 'catalogs')


def test_columns_of_neighbors(image):
    options = {'size': 32, 'neighbors': NeighborConfig('mask', psf_fwhm=3), 'stars': 'mask'}
    assert_described(StampSet.from_image(image, **options).table, 'neighbors', 'cut-stamps')


def test_columns_of_sources_and_stamps(image):
    stamps = StampSet.from_image(image, size=64)
    found = measure_sources(stamps, zero_point=25.9, progress=False)
    assert_described(found.sources, 'sources')
    assert_described(found.stamps, 'stamps')


def test_columns_of_bands():
    """All but those of the last band, which has no color of its own."""
    described = columns_of_page()['bands']
    seen = set()
    for options in ({'unit': IMAGE_UNIT, 'zero_point': 25}, {'unit': IMAGE_UNIT}):
        zero_point = options.pop('zero_point', None)
        bands = make_stamps(2, bands=['g', 'r'], **options)
        plain = make_stamps(2, **options)
        found = measure_sources(bands, zero_point=zero_point, progress=False)
        alone = measure_sources(plain, zero_point=zero_point, progress=False)
        for table, other in ((found.sources, alone.sources), (found.stamps, alone.stamps)):
            added = [name for name in table.colnames if name not in other.colnames]
            added = [name for name in added if re.search(r'_g\b|_g_', name)]
            seen.update(added)
            for name in added:
                check_unit(table[name], described[name])
    assert seen == set(described)


def test_columns_of_morphology(image):
    pytest.importorskip('statmorph')
    stamps = StampSet.from_image(image, size=64, positions=[(143, 181)])
    assert_described(measure_morphology(stamps, progress=False), 'morphology')


def test_columns_of_scores(detector, stamps):
    table = detector.score(stamps[:3], progress=False)
    table.remove_column('id')
    of_classifier = {'injection_log_odds', 'score_injection', 'score_critic'}
    of_features = {'features', 'score_features', 'score_critic'}
    absent = {'color_residual', 'score_color_residual', *of_classifier, *of_features}
    assert_described(table, 'scores', absent=absent)
    config = ClassifierConfig(iterations=2, batch_size=4, channels=(4,), injected_per_host=1)
    own = AnomalyDetector(detector.wgan)
    own.train_classifier(stamps[:20], config=config, progress=False)
    table = own.calibrate(stamps[20:40], progress=False).score(stamps[:3], progress=False)
    table.remove_column('id')
    assert_described(table, 'scores', absent=absent - of_classifier)
    options = {'features': detector.features, 'progress': False}
    other = AnomalyDetector(detector.wgan).calibrate(stamps[20:40], **options)
    table = other.score(stamps[:3], **options)
    table.remove_column('id')
    assert_described(table, 'scores', absent=absent - of_features)
    assert_described(critic_features(detector.wgan, stamps[:3], progress=False), 'features')
    assert_described(detector.features(stamps[:3], progress=False), 'features')


def test_columns_of_the_history(detector):
    assert_described(detector.wgan.history_, 'history')


def test_columns_of_layers():
    assert_described(WGAN.preset('compact', size=16).summary(), 'layers')


def test_columns_of_particles():
    run = mocks.simulate_encounter([0] * u.Gyr, n_stars=10, seed=1)
    assert_described(run.table(0), 'particles')
    assert set(run.tree().colnames) <= set(columns_of_page()['trees'])
    for name in run.tree().colnames:
        check_unit(run.tree()[name], columns_of_page()['trees'][name])


def test_columns_of_baselines(stamps):
    pytest.importorskip('sklearn')
    features = ['concentration', 'asymmetry', 'smoothness', 'gini', 'm20']
    values = np.random.default_rng(1).normal(size=(5, 50))
    shapes = QTable(dict(zip(features, values, strict=True)))
    assert_described(
        baselines.RotationResidual().fit(stamps).score(stamps, progress=False),
        'baselines',
        absent=['usable', 'anomalous'],
    )
    assert_described(
        baselines.MorphologyKMeans().fit(shapes, is_normal=np.arange(50) < 25).score(shapes),
        'baselines',
        absent=['valid_fraction'],
    )


def test_columns_of_simulated_galaxies():
    pytest.importorskip('galsim')
    from astro_wgan.simulate import simulate

    assert_described(simulate('pair', 1, seed=1, progress=False).table, 'simulate')


def test_columns_of_mock_images():
    light = datasets.load_light_map('encounter_passage')
    made = mocks.observe(light, 'euclid_vis', redshift=1, size=16, seed=1, progress=False)
    assert_described(made.table, 'mocks')


def test_columns_of_merger_trees():
    toy = mergers.make_toy_trees(2000, seed=1)
    trees = mergers.MergerTrees(toy, box=50 * u.Mpc)
    assert_described(toy, 'trees', absent=['main_progenitor_id', 'mass_contributed'])
    assert_described(mergers.find_mergers(trees), 'mergers')
    assert_described(mergers.find_merger_sequences(trees), 'sequences')
    assert_described(mergers.find_isolated_galaxies(trees), 'isolated')
    assert_described(mergers.find_progenitors(trees), 'progenitors')
    assert_described(trees.relinked, 'relinked')
    assert set(trees.main_branch(trees.ids[0]).colnames) <= set(columns_of_page()['trees'])


def test_columns_of_noise(image):
    sky = noise.find_sky(image)
    measured = noise.autocorrelation(sky, max_lag=4)
    assert_described(measured.along('x'), 'autocorrelation')
    assert_described(measured.radial(), 'autocorrelation')
    assert_described(noise.power_spectrum(sky).radial(), 'power-spectrum')


def test_columns_of_detection_rates():
    scores = {'a': {'normal': np.arange(9.0), 'pair': np.arange(5.0, 9.0)}}
    normals = {'a': np.arange(9.0)}
    assert_described(evaluate.detection_rates(scores, normal_scores=normals), 'rates')
    for values, absent in (
        (np.arange(4.0), ['category']),
        (np.array(list('abab')), ['low', 'high', 'center']),
    ):
        rates = evaluate.detection_rates_by(
            values, {'a': scores['a']['pair']}, normal_scores=normals, bins=2
        )
        assert_described(rates, 'rates-by', 'rates', absent=absent)


def test_columns_of_rankings():
    scores = {
        name: {'normal': np.arange(9.0), 'pair': np.arange(5.0, 9.0) + k}
        for k, name in enumerate('ab')
    }
    assert_described(evaluate.ranking_metrics(scores, normal_class='normal'), 'ranking')
    assert_described(evaluate.compare_auc(scores, normal_class='normal'), 'auc')
    assert_described(evaluate.roc_curve(np.arange(9.0), np.arange(5.0, 9.0)), 'roc')


def test_columns_of_populations():
    first, second = np.arange(20.0), np.arange(20.0) + 3
    options = {'n_resamples': 9, 'progress': False}
    populations = evaluate.compare_populations(first, second, **options)
    assert_described(populations, 'populations')
    by = evaluate.compare_populations_by(first, first, second, second, bins=2, n_resamples=9)
    assert_described(by, 'populations-by', 'rates-by', 'populations')
    properties = evaluate.compare_properties(
        QTable({'mass': first}), QTable({'mass': second}), n_resamples=9
    )
    assert_described(properties, 'properties', 'populations')
    ranking = evaluate.rank_simulations(first, {'a': second}, **options)
    assert_described(ranking, 'simulations', 'populations')


def test_columns_of_a_survey(detector, tmp_path):
    wcs = make_wcs((40, 40))
    header = wcs.to_header()
    header['BUNIT'] = 'nJy'
    noise_alone = np.random.default_rng(1).normal(size=(40, 40))
    fits.writeto(tmp_path / 'tile.fits', noise_alone, header)
    catalog = wcs.pixel_to_world([10, 20, 30], [20, 20, 20])
    survey = astro_wgan.survey(
        tmp_path / 'tile.fits', catalog, model=detector, output=tmp_path / 'out', progress=False
    )
    absent = ['latent', 'color_residual', 'injection_log_odds', 'features', 'score_color_residual']
    absent += ['score_injection', 'score_critic', 'score_features']
    assert_described(survey.table(), 'survey', 'scores')
    assert {*columns_of_page()['scores']} - {*survey.table().colnames} == {*absent}
    assert_described(survey.status(), 'survey-status')
