"""Scores by the command: those of the detector, of stamps in each form and of an image."""

import numpy as np
import pytest
from astropy.nddata import CCDData
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan import AnomalyDetector, StampSet
from astro_wgan.anomaly import score_features
from astro_wgan.anomaly.measuring.part_measurement import PartMeasurement
from astro_wgan.catalogs import read_table
from astro_wgan.cli import main
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting.detector_training import trained_rows

FAST = ['--iterations', '2', '--no-classifier', '--initial-model', 'none']


def test_scores_are_not_replaced_by_their_gallery(store, model, tmp_path, answer):
    output = tmp_path / 'scores.ecsv'
    options = ['--model', model, '--output', output, '--gallery', output]
    code, said = answer('score', store, *options)
    assert code == 2
    assert '`--gallery` must be another file than' in said['error']
    assert not [*tmp_path.iterdir()]


def test_scores_in_csv_have_all_but_columns_of_arrays(store, model, detector, tmp_path, answer):
    output = tmp_path / 'scores.csv'
    with pytest.warns(AstropyUserWarning, match='scores.csv has no latent'):
        code, _ = answer('score', store, '--model', model, '--output', output)
    assert code == 0
    ecsv = tmp_path / 'scores.ecsv'
    assert answer('score', store, '--model', model, '--output', ecsv)[0] == 0
    expected, found = QTable.read(ecsv), QTable.read(output)
    assert {*expected.colnames} - {*found.colnames} == {'latent'}
    np.testing.assert_allclose(found['score'], expected['score'], rtol=1e-6)
    assert found['rank'].tolist() == expected['rank'].tolist()


@pytest.fixture(scope='module')
def detector(model):
    return AnomalyDetector.load(model)


def test_scores_are_those_of_the_detector(store, stamps, model, detector, tmp_path, answer):
    path, page = tmp_path / 'scores.ecsv', tmp_path / 'scores.html'
    code, said = answer('score', store, '--model', model, '--output', path, '--gallery', page)
    rows = trained_rows(detector, stamps)
    expected = detector.score(stamps, in_calibration=~rows, progress=False)
    found = QTable.read(path)
    np.testing.assert_allclose(found['score'], expected['score'], rtol=1e-5)
    np.testing.assert_allclose(found['p_value'], expected['p_value'])
    np.testing.assert_array_equal(found['trained_on'], rows)
    assert (code, said['n_stamps'], said['top'][0]['rank']) == (0, 60, 1)
    assert said['top'][0]['id'] == found['id'][found['rank'] == 1][0]
    assert said['n_above'] == {str(p): found[f'anomalous_{p}'].sum() for p in (85, 90, 95)}
    assert 'Most anomalous of 60 stamps' in page.read_text()
    assert sorted(each.name for each in tmp_path.iterdir()) == ['scores.ecsv', 'scores.html']
    # The table repeats the command.
    again = tmp_path / 'again.ecsv'
    assert answer('score', '--config', path, '--output', again)[0] == 0
    np.testing.assert_allclose(QTable.read(again)['score'], found['score'], rtol=1e-5)


def test_other_stamps_are_not_compared_with_the_calibration(
    stamps, model, detector, tmp_path, answer
):
    some = stamps[10:20]
    some.write(tmp_path / 'some.fits')
    output = tmp_path / 'scores.fits'
    assert answer('score', tmp_path / 'some.fits', '--model', model, '--output', output)[0] == 0
    found = read_table(output)
    expected = detector.score(some, progress=False)
    np.testing.assert_allclose(found['score'], expected['score'], rtol=1e-5)
    assert 'trained_on' not in found.colnames


@pytest.mark.filterwarnings('ignore:.*differ')
def test_the_sources_of_an_image_are_cut_and_scored(field, model, detector, tmp_path, answer):
    output = tmp_path / 'scores.ecsv'
    options = ['--model', model, '--output', output]
    code, said = answer('score', field, '--detect', *options)
    expected = StampSet.from_image(field, size=16, detection=DetectionConfig(2.5, min_area=40))
    assert (code, said['n_stamps']) == (0, len(expected) > 30 and len(expected))
    scores = detector.score(expected, progress=False)['score']
    np.testing.assert_allclose(QTable.read(output)['score'], scores, rtol=1e-4)
    QTable({'id': ['a', 'b', 'c'], 'x': [43, 1, 900], 'y': [15, 99, 9]}).write(tmp_path / 'p.ecsv')
    code, said = answer('score', field, '--positions', tmp_path / 'p.ecsv', *options)
    assert code == 0
    found = QTable.read(output)
    assert found['id'].tolist() == ['a', 'b', 'c']
    assert np.isnan(found['score']).tolist() == [False, False, True]


def test_bands_are_those_of_the_model_in_any_order(field, tmp_path, answer):
    image = CCDData.read(field)
    for band, factor in (('g', 1), ('r', 2)):
        image.multiply(factor).write(tmp_path / f'{band}.fits')
    green, red = tmp_path / 'g.fits', tmp_path / 'r.fits'
    cut, model = tmp_path / 'stamps.zarr', tmp_path / 'model'
    assert answer('cut', green, red, '--output', cut, '--size', '16')[0] == 0
    options = ['--held-out-fraction', '0.1', *FAST]
    assert answer('train', cut, '--output', model, *options)[0] == 0
    found = []
    for images in ((green, red), (red, green)):
        output = tmp_path / f'{len(found)}.ecsv'
        options = ['--detect', '--model', model, '--output', output]
        assert answer('score', *images, *options)[0] == 0
        found.append(QTable.read(output))
    assert len(found[0]) == len(found[1]) == 36
    order = np.argsort(found[1]['y'] + 1e-3 * found[1]['x'])
    first = np.argsort(found[0]['y'] + 1e-3 * found[0]['x'])
    np.testing.assert_allclose(
        found[1]['smoothed_residual'][order], found[0]['smoothed_residual'][first], rtol=0.01
    )


def test_an_interrupted_command_goes_on(store, model, tmp_path, answer, monkeypatch):
    output = tmp_path / 'scores.ecsv'
    command = ['score', store, '--model', model, '--output', output]

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('astro_wgan.AnomalyDetector.score', interrupted)
        assert main([*command, '--quiet']) == 130
    assert [path.name for path in tmp_path.iterdir()] == ['scores.ecsv.unfinished.npz']
    # What is measured is not measured again.
    monkeypatch.setattr(PartMeasurement, 'compute', interrupted)
    assert answer(*command)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ['scores.ecsv']


def test_what_cannot_be_scored_is_said_before_work_starts(
    store, stamps, field, model, tmp_path, answer
):
    stamps.crop(12).write(tmp_path / 'small.fits')
    output = tmp_path / 'scores.ecsv'
    for arguments, words in (
        ([store, '--output', tmp_path / 'a.xyz'], '`--output` must be a table by the ending'),
        ([store, '--output', tmp_path / 'no' / 'a.ecsv'], 'There is no folder'),
        ([store, '--output', output, '--gallery', tmp_path], '`--gallery` must be a file'),
        ([store, '--output', output, '--n-cards', '0'], '`--n-cards` must be at least 1'),
        ([store, '--output', output, '--detect', '--positions', 'p.csv'], 'not both'),
        ([tmp_path / 'small.fits', '--output', output], '12'),
        ([tmp_path / 'small.fits', '--output', tmp_path / 'small.fits'], 'another file than'),
    ):
        code, said = answer('score', *arguments, '--model', model)
        assert code == 2, said
        assert words in said['error']
    for arguments, words in (
        ([store, '--model', store], 'There is no model in'),
        ([tmp_path / 'none', '--model', model], 'There is no file or folder'),
        (['hubble_xdf', '--model', model], 'Give `--detect` or `--positions` to cut it'),
        ([field, '--model', model], 'give `--detect` or `--positions`'),
    ):
        code, said = answer('score', *arguments, '--output', output)
        assert code == 2
        assert words in said['error']
    assert [path.name for path in tmp_path.iterdir()] == ['small.fits']


def test_features_are_scored_without_a_model(tmp_path, answer):
    rng = np.random.default_rng(1)
    normals, values = rng.normal(size=(300, 6)), rng.normal(size=(80, 6))
    values[11] += 9
    np.savez(tmp_path / 'values.npz', features=values, id=np.arange(80) + 100)
    np.save(tmp_path / 'normals.npy', normals)
    output = tmp_path / 'scores.parquet'
    options = ['--normals', tmp_path / 'normals.npy', '--output', output]
    code, said = answer('score', tmp_path / 'values.npz', *options)
    expected = score_features(values, normals=normals, ids=np.arange(80) + 100)
    found = read_table(output)
    np.testing.assert_allclose(found['score'], expected['score'])
    np.testing.assert_allclose(found['p_value'], expected['p_value'])
    assert (code, said['n_stamps'], said['top'][0]['id']) == (0, 80, 111)
    again = tmp_path / 'again.ecsv'
    assert answer('score', '--config', output, '--output', again)[0] == 0
    np.testing.assert_allclose(read_table(again)['score'], found['score'])


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['stamps.zarr'], '`--model` must be given, unless one file of features'),
        (['values.npz', 'others.npz'], '`--model` must be given, unless one file of features'),
        (['values.npz', '--normals', 'none.npy'], 'no file none.npy'),
        (['values.npz', '--gallery', 'a.html'], '`--gallery` is for stamps'),
        (['table.ecsv'], 'must have the column `features`'),
        (['values.npz', '--normals', 'values.npz', '--model', 'model'], 'without `--model`'),
    ],
)
def test_what_cannot_be_scored_without_a_model_is_refused(
    arguments, words, tmp_path, answer, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.savez('values.npz', features=np.eye(3))
    QTable({'id': [1, 2]}).write('table.ecsv')
    code, said = answer('score', *arguments, '--output', 'scores.ecsv')
    assert code == 2
    assert words in said['error']
