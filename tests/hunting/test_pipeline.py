"""The whole way on a small image: results, interruptions, bad input."""

import json
import signal
import subprocess
import sys
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, StdDevUncertainty
from astropy.table import QTable

from astro_wgan import AnomalyDetector, HuntConfig, StampStore, hunt
from astro_wgan.anomaly import ScoringConfig
from astro_wgan.cli import main
from astro_wgan.detection import DetectionConfig
from astro_wgan.exceptions import DetectionError, HuntFolderError, ImageError
from astro_wgan.hunting import field, summarize_hunt
from astro_wgan.testing import make_wcs

CONFIG = HuntConfig(size=16, iterations=2, detection=DetectionConfig(5.0), classifier=None, seed=1)
STRANGE = (240, 40)


@pytest.fixture(scope='module')
def image(make_galaxy_field):
    """A field of 90 round galaxies and one square in nanojansky, with a celestial WCS."""
    pixels = make_galaxy_field()
    x0, y0 = STRANGE
    pixels[y0 - 4 : y0 + 4, x0 - 4 : x0 + 4] += 60
    wcs = make_wcs(pixels.shape, center=SkyCoord(150.1, 2.2, unit='deg'))
    return CCDData(pixels.astype(np.float32), unit='nJy', wcs=wcs)


@pytest.fixture(scope='module')
def image_path(image, tmp_path_factory):
    path = tmp_path_factory.mktemp('image') / 'field.fits'
    image.write(path)
    return path


@pytest.fixture(scope='module')
def result(image, tmp_path_factory):
    return hunt(image, output=tmp_path_factory.mktemp('hunt'), config=CONFIG, progress=False)


def test_table_holds_scores_positions_and_provenance(result):
    table = QTable.read(result.folder / 'scores.ecsv')
    assert len(table) == len(result.stamps) > 60
    assert sorted(table['rank']) == list(range(1, len(table) + 1))
    assert table['x'].unit == u.pix
    assert abs(table['sky'].ra.deg - 150.1).max() < 0.01
    assert table.meta['hunt']['seed'] == 1
    assert 'astropy' in table.meta['hunt']['versions']
    assert ((table['p_value'] > 0) & (table['p_value'] <= 1)).all()


def test_held_out_fraction_is_the_configured_one(result):
    assert np.mean(~result.table['trained_on']) == pytest.approx(CONFIG.held_out_fraction, abs=0.01)
    assert len(result.detector.calibration_.held_out_scores) == np.sum(~result.table['trained_on'])
    assert len(result.detector.calibration_.training_scores) == np.sum(result.table['trained_on'])


def test_anomalous_source_has_a_high_rank(result):
    table = result.table
    distance = np.hypot(table['x'].value - STRANGE[0], table['y'].value - STRANGE[1])
    assert table['rank'][np.argmin(distance)] <= 3


def test_folder_holds_stamps_model_and_page(result):
    with StampStore.open(result.folder / 'stamps.zarr') as store:
        np.testing.assert_array_equal(store[:].pixels, result.stamps.pixels)
    detector = AnomalyDetector.load(result.folder / 'model')
    in_calibration = ~result.table['trained_on']
    scores = detector.score(result.stamps, in_calibration=in_calibration, progress=False)['score']
    np.testing.assert_allclose(scores, result.table['score'], rtol=0.01)
    assert (
        f'Most anomalous of {len(result.table)} sources'
        in (result.folder / 'gallery.html').read_text()
    )
    left = {path.name for path in result.folder.iterdir()}
    files = {'gallery.html', 'hunt.json', 'hunt.toml', 'model', 'scores.ecsv', 'stamps.zarr'}
    assert left == files


#: As observatories write them; each is the name of an argument or of an entry of ours, too.
CARDS = {
    'ORIGIN': 'ESO-PARANAL',
    'CREDIT': 5,
    'SOURCE': 'NGC 1',
    'TITLE': 'A field',
    'NOTES': 3,
    'LIMIT': 1.5,
    'LEVEL': 90,
    'ID': 'x',
    'MODEL': 'beta',
    'SEARCH': 'cone',
}


def test_header_cards_are_no_arguments(image, tmp_path):
    path = tmp_path / 'observed.fits'
    image.copy().write(path)
    with fits.open(path, mode='update') as hdus:
        hdus[0].header.update(CARDS)
    result = hunt(path, output=tmp_path / 'out', config=CONFIG, progress=False)
    assert (result.folder / 'gallery.html').is_file()
    assert result.table.meta['hunt']['images'][0]['source'] == str(path)
    assert result.table.meta['hunt']['credit'] is None


@pytest.mark.parametrize(
    'meta', [fits.Header(CARDS.items()), {k.lower(): v for k, v in CARDS.items()}]
)
def test_what_of_a_header_reaches_the_page_is_picked_by_name(meta):
    assert field._first_row(meta) == 'lower'
    assert field._credit([meta, meta]) is None
    meta['credit'] = 'ESA/Hubble & NASA'
    meta['origin'] = 'upper'
    assert field._first_row(meta) == 'upper'
    assert field._credit([meta, meta]) == 'ESA/Hubble & NASA'


def test_same_call_again_reads_what_is_there(result, image):
    before = (result.folder / 'gallery.html').stat().st_mtime_ns
    again = hunt(image, output=result.folder, config=CONFIG, progress=False)
    np.testing.assert_array_equal(again.table['score'], result.table['score'])
    assert (result.folder / 'gallery.html').stat().st_mtime_ns == before


def test_other_hunt_does_not_touch_the_results(result, image):
    with pytest.raises(
        HuntFolderError,
        match=r'another hunt: it belongs to other settings: .*`seed` was 1 and is 2',
    ):
        hunt(
            image,
            output=result.folder,
            config=replace(CONFIG, seed=2),
            progress=False,
        )


def changed(image, what):
    """The image with another thing changed that leaves the others as they are."""
    image = image.copy()
    if what == 'pixels':
        image.data[STRANGE[1], STRANGE[0]] += 0.5
    elif what == 'masks':
        # A pixel of a corner of a stamp.
        image.mask = np.zeros(image.shape, dtype=bool)
        image.mask[STRANGE[1] + 6, STRANGE[0] + 6] = True
    elif what == 'uncertainties':
        image.uncertainty = StdDevUncertainty(np.ones(image.shape))
    elif what == 'WCS':
        image.wcs.wcs.crval = [150.2, 2.2]
    elif what == 'unit':
        image = CCDData(image, unit='uJy')
    return image


@pytest.mark.parametrize(
    ('what', 'said'),
    [
        ('pixels', 'their pixels'),
        ('masks', 'they had no masks, and have some'),
        ('uncertainties', 'they had no uncertainties, and have some'),
        ('WCS', r'their WCS and column `sky\.ra` differ'),
        ('unit', "their unit was 'nJy' and is 'uJy'"),
    ],
)
def test_a_hunt_in_another_image_is_refused(image, tmp_path, monkeypatch, what, said):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr('astro_wgan.hunting.pipeline.train_networks', interrupted)
    positions = [(x, y) for x in range(15, 270, 28) for y in range(15, 270, 28)]
    options = {'output': tmp_path, 'config': CONFIG, 'positions': positions, 'progress': False}
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            hunt(image, **options)
    with pytest.raises(
        HuntFolderError, match=f'another hunt: it belongs to other stamps: .*{said}'
    ):
        hunt(changed(image, what), **options)


def test_a_hunt_with_another_detector_is_refused(result, image, tmp_path):
    options = {'output': tmp_path, 'config': CONFIG, 'progress': False}
    hunt(image, model=result.folder, **options)
    hunt(image, model=result.folder, **options)
    other = AnomalyDetector.load(result.folder / 'model')
    other.calibration_ = replace(
        other.calibration_,
        held_out_scores=other.calibration_.held_out_scores[:-1],
        ids=None,
        noise_rms=None,
        probabilities=None,
        training_scores=None,
    )
    with pytest.raises(HuntFolderError, match='to another model: its calibration differs'):
        hunt(image, model=other, **options)
    trends = {name: copy(trend) for name, trend in result.detector.calibration_.trends.items()}
    trends['rotation_residual'].min_scatter_ *= 2
    other = AnomalyDetector.load(result.folder / 'model')
    other.calibration_ = replace(other.calibration_, trends=trends)
    with pytest.raises(HuntFolderError, match='to another model: its calibration differs'):
        hunt(image, model=other, **options)
    other.scoring = ScoringConfig('residual_loss')
    with pytest.raises(
        HuntFolderError, match=r"its scoring\.statistic was 'smoothed_residual' and is 'res"
    ):
        hunt(image, model=other, **options)
    with pytest.raises(HuntFolderError, match='to another model: its generator was given and is'):
        hunt(image, **options)


def test_a_hunt_of_a_former_version_is_refused(result, image, tmp_path):
    mark = json.loads((result.folder / 'hunt.json').read_text())
    mark['fingerprint'] = {'configuration': {}, 'stamps': 'ab12', 'model': None}
    (tmp_path / 'hunt.json').write_text(json.dumps(mark))
    with pytest.raises(HuntFolderError, match=r'it was written by a former version .* remove this'):
        hunt(image, output=tmp_path, config=CONFIG, progress=False)


@pytest.mark.parametrize('where', ['train_networks', 'measure', 'gallery'])
def test_interrupted_hunt_goes_on_to_the_same_end(result, image, tmp_path, monkeypatch, where):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        target = (
            'astro_wgan.hunting.pipeline'
            if where == 'train_networks'
            else 'astro_wgan.AnomalyDetector'
        )
        patch.setattr(f'{target}.{where}', interrupted)
        with pytest.raises(KeyboardInterrupt):
            hunt(image, output=tmp_path, config=CONFIG, progress=False)
    again = hunt(image, output=tmp_path, config=CONFIG, progress=False)
    np.testing.assert_allclose(again.table['score'], result.table['score'], rtol=0.01)
    with StampStore.open(tmp_path / 'stamps.zarr') as store:
        assert len(store) == len(again.table)


def test_ctrl_c_while_the_command_is_loaded_is_heard(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr('astro_wgan.cli.make_parser', interrupted)
    assert main(['hunt', 'image.fits']) == 130
    assert 'The same command goes on from here' in capsys.readouterr().err


def test_ctrl_c_leaves_a_checkpoint_from_which_the_same_command_goes_on(image_path, tmp_path):
    out = tmp_path / 'out'
    command = [
        sys.executable,
        '-m',
        'astro_wgan.cli',
        'hunt',
        str(image_path),
        '--output',
        str(out),
    ]
    command += ['--size', '16', '--threshold', '5', '--minutes', '0.05']
    process = subprocess.Popen(
        [*command[:-1], '60'], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        for line in process.stderr:
            # While TensorFlow traces the first iteration, it may lose an interrupt.
            if line.startswith('training') and 'iteration 0 ' not in line:
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert 'The same command goes on from here' in errors
    assert 'Traceback' not in errors
    assert (out / 'training.npz').exists()
    mark = json.loads((out / 'hunt.json').read_text())
    assert not mark['complete']


def test_summary_is_plain_values(result):
    told = json.loads(json.dumps(summarize_hunt(result, n_top=3), allow_nan=False))
    table = result.table
    assert told['n_sources'] == len(table) == told['n_trained_on'] + told['n_held_out']
    assert [source['rank'] for source in told['top']] == [1, 2, 3]
    first = table[table['rank'] == 1][0]
    assert told['top'][0]['id'] == first['id']
    assert told['top'][0]['p_value'] == pytest.approx(first['p_value'])
    assert told['top'][0]['ra'] == pytest.approx(first['sky'].ra.deg)
    assert told['n_above']['90'] == np.sum(table['score'] > told['thresholds']['90'])
    assert told['seconds'].keys() == {'detection', 'training', 'scoring', 'gallery'}
    assert told['images'] == [{'source': 'array'}]
    assert told['initial_model'].startswith('random weights')
    page = (result.folder / 'gallery.html').read_text()
    assert 'Image: array.' in page


def test_model_of_an_earlier_hunt_needs_no_training(result, image, tmp_path):
    again = hunt(image, output=tmp_path, config=CONFIG, model=result.folder, progress=False)
    # Those that it was calibrated on are scored there by what it knows without them.
    seen = result.table['trained_on']
    np.testing.assert_allclose(again.table['score'][seen], result.table['score'][seen], rtol=0.01)
    assert not again.table['trained_on'].any()
    np.testing.assert_array_equal(
        again.detector.calibration_.held_out_scores, result.detector.calibration_.held_out_scores
    )


def test_positions_take_the_place_of_detection(result, image, tmp_path):
    again = hunt(
        image,
        output=tmp_path,
        config=CONFIG,
        model=result.detector,
        positions=[STRANGE, (15, 15)],
        progress=False,
    )
    assert len(again.table) == 2


def constant(image):
    return np.full((100, 100), 3.0)


def all_nan(image):
    return np.full((100, 100), np.nan)


def cube(image):
    return fits.ImageHDU(np.zeros((3, 100, 100), np.float32))


def empty_sky(image):
    return np.random.default_rng(1).normal(size=(100, 100))


@pytest.mark.parametrize(
    ('make', 'error', 'message'),
    [
        (constant, DetectionError, 'constant'),
        (all_nan, ImageError, 'finite'),
        (cube, ImageError, '`plane`'),
        (empty_sky, DetectionError, 'No source has'),
        (lambda image: image.data[:100, :100], ValueError, 'too few to train on'),
    ],
    ids=['constant', 'nan', 'cube', 'empty sky', 'few stamps'],
)
def test_bad_images_are_refused_before_training(image, tmp_path, monkeypatch, make, error, message):
    monkeypatch.setattr(
        'astro_wgan.hunting.pipeline.train_networks', lambda *a: pytest.fail('training started')
    )
    with pytest.raises(error, match=message):
        hunt(make(image), output=tmp_path / 'new' / 'out', config=CONFIG, progress=False)
    # Nothing is left behind, not even an empty folder.
    assert not list(tmp_path.iterdir())


def test_nan_region_is_masked_and_scored_around(image, result, tmp_path):
    pixels = image.data.copy()
    pixels[:66, :66] = np.nan
    again = hunt(
        pixels * u.nJy, output=tmp_path, config=CONFIG, model=result.detector, progress=False
    )
    assert np.isfinite(again.table['score']).all()
    assert again.table['valid_fraction'].min() < 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'size': 40}, '16, 32, 64, 128 or 256 pixels; got 40'),
        ({'preset': 'huge'}, "got 'huge'"),
        ({'held_out_fraction': 0.0}, '`held_out_fraction` must lie between 0 and 1'),
        (
            {'contamination': 'some'},
            "`contamination` must be at least 0 and below 0.5, or 'est",
        ),
        ({'seed': -1}, '`seed` must not be negative'),
        ({'n_cards': 0}, '`n_cards` must be at least 1'),
    ],
)
def test_impossible_settings_are_refused(image, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        hunt(image, output=tmp_path, config=HuntConfig(**options), progress=False)


def test_folders_that_cannot_be_used_are_refused(image, tmp_path):
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(HuntFolderError, match='holds other files'):
        hunt(image, output=tmp_path, config=CONFIG, progress=False)
    with pytest.raises(HuntFolderError, match='is a file'):
        hunt(image, output=tmp_path / 'file', config=CONFIG, progress=False)
    with pytest.raises(HuntFolderError, match='cannot be written'):
        hunt(image, output='/proc/astro_wgan', config=CONFIG, progress=False)
    assert (tmp_path / 'file').read_text() == 'mine'


def test_command_writes_the_results_and_says_where(image_path, result, tmp_path, capsys):
    out = tmp_path / 'out'
    arguments = ['hunt', str(image_path), '--output', str(out), '--size', '16', '--threshold', '5']
    assert main([*arguments, '--model', str(result.folder)]) == 0
    printed = capsys.readouterr()
    assert 'above the 90th' in printed.out
    assert str(out / 'gallery.html') in printed.out
    assert 'scoring 100%' in printed.err
    assert len(QTable.read(out / 'scores.ecsv')) == len(result.table)


def test_command_writes_json(image_path, result, tmp_path, capsys):
    table = tmp_path / 'positions.csv'
    table.write_text(f'NUMBER,X_IMAGE,Y_IMAGE\n7,{STRANGE[0] + 1},{STRANGE[1] + 1}\n8,16,16\n')
    arguments = ['hunt', str(image_path), '--output', str(tmp_path / 'out'), '--size', '16']
    arguments += ['--positions', str(table), '--model', str(result.folder), '--json', '--quiet']
    assert main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert told['n_sources'] == 2
    assert told['folder'] == str(tmp_path / 'out')
    assert (told['top'][0]['x'], told['top'][0]['y']) == STRANGE
    assert told['images'][0]['source'] == str(image_path)
    assert told['images'][0]['image'].startswith('0 PRIMARY')
    assert told['initial_model'] is None
    # Of a hunt that is complete the same is told.
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == told


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['hubble_xdf', '--initial-model', 'nowhere'], "'auto', None, the folder of a model, or"),
        (['hubble_xdf', '--positions', 'nowhere.csv'], 'nowhere.csv'),
        (['missing.fits'], 'missing.fits'),
        (['hubble_xdf', '--size', '48'], '16, 32, 64, 128 or 256 pixels; got 48'),
        (['hubble_xdf', '--model', 'nowhere'], 'no detector in nowhere'),
        (['hubble_xdf', '--epochs', '0'], '`epochs` must be above 0'),
        (['hubble_xdf', '--threshold', '-1'], '`threshold` must be above 0'),
    ],
)
def test_command_answers_bad_input_with_one_sentence(arguments, message, tmp_path, capsys):
    assert main(['hunt', *arguments, '--output', str(tmp_path / 'out')]) == 2
    errors = capsys.readouterr().err
    assert message in errors.splitlines()[-1]
    assert 'Traceback' not in errors


def test_truncated_file_is_refused(image_path, tmp_path, capsys):
    path = tmp_path / 'half.fits'
    path.write_bytes(image_path.read_bytes()[:100000])
    assert main(['hunt', str(path), '--output', str(tmp_path / 'out')]) == 2
    assert 'truncated' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['--version'])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith('astro_wgan 0.')
