from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from astro_wgan import WGAN, AnomalyDetector
from astro_wgan.browsing import Results
from astro_wgan.browsing.pictures.detector_images import DetectorImages
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.labeling import most_similar
from astro_wgan.testing import make_stamps
from tests.browsing.example_results import arrays_of, asking, until_done

KINDS = ('closest', 'residual', 'contribution')


@pytest.fixture(scope='module')
def stamps():
    stamps = make_stamps(72, shape=(16, 16), sigma=2, peak=30, seed=1, table=None)
    # In the last one a companion, which no closest image has.
    pixels = stamps.pixels.copy()
    pixels[71, 2:5, 2:5] += 60
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[3, :4] = True
    return stamps.replace(pixels=pixels, mask=mask)


@pytest.fixture(scope='module')
def detector(stamps):
    normal = stamps[:70]
    wgan = WGAN.preset('compact', size=16).fit(normal, iterations=25, progress=False)
    return AnomalyDetector(wgan).calibrate(normal[:40], progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.score(stamps, progress=False)


@pytest.fixture
def ask(detector, stamps, table, tmp_path):
    results = Results.open(table, stamps=stamps, model=detector)
    return asking(ResultsView(results, labels=tmp_path / 'labels.jsonl'))


def images_of(detector, table, stamps):
    results = Results.open(table, stamps=stamps, model=detector)
    networks = DetectorImages(results)
    networks.wait()
    rows = np.arange(len(table))
    return results, networks.images(rows, results.stamps.read(rows))


def test_images_are_those_of_the_detector(detector, table, stamps):
    results, images = images_of(detector, table, stamps)
    ranked = results.stamps.read(np.arange(len(table)))
    closest = detector.closest_images(results.table)
    np.testing.assert_allclose(images.closest.pixels, closest.pixels, rtol=1e-6)
    # What all pixels add is the smoothed residual.
    total = np.nanmean(images.contributions, axis=(1, 2))
    is_masked = ~ranked.valid.all(axis=(1, 2))
    expected = results.table['smoothed_residual']
    np.testing.assert_allclose(total[~is_masked], expected[~is_masked], rtol=1e-4)
    np.testing.assert_array_equal(np.isnan(images.residuals[..., 0]), ~ranked.valid)
    np.testing.assert_array_equal(np.isnan(images.contributions), ~ranked.valid)


def test_tables_without_latent_vectors_have_the_same_images(detector, table, stamps):
    """As those of surveys."""
    _, images = images_of(detector, table, stamps)
    plain = table.copy()
    plain.remove_column('latent')
    _, searched = images_of(detector, plain, stamps)
    np.testing.assert_allclose(searched.residuals, images.residuals, atol=1e-4)


def picture(answer):
    assert answer.status == 200, answer.content
    return np.asarray(Image.open(BytesIO(answer.content))).astype(int)


def test_a_companion_is_in_residual_and_contribution_but_not_in_the_closest_image(ask, table):
    row = int(table['rank'][71]) - 1
    shown = {
        kind: picture(until_done(ask, f'/api/picture/{row}/{kind}')) for kind in ('input', *KINDS)
    }
    # At the lower left, as the first row is at the bottom; beside it is sky.
    inside, beside = (slice(11, 14), slice(2, 5)), (slice(2, 5), slice(11, 14))
    bright = {kind: image.sum(axis=-1) for kind, image in shown.items()}
    assert bright['input'][inside].mean() > bright['input'][beside].mean() + 300
    assert bright['closest'][inside].mean() < bright['input'][inside].mean() - 300
    assert bright['contribution'][inside].mean() > bright['contribution'][beside].mean() + 100
    red, blue = shown['residual'][inside][..., 0], shown['residual'][inside][..., 2]
    assert red.mean() > blue.mean() + 50


def test_colors_have_the_range_that_is_told(ask, table):
    answers = {kind: until_done(ask, f'/api/picture/0/{kind}') for kind in ('input', *KINDS)}
    ranges = {
        kind: [float(end) for end in answer.headers['x-range'].split(',')]
        for kind, answer in answers.items()
    }
    assert ranges['closest'] == ranges['input']
    assert ranges['input'][0] < ranges['input'][1]
    assert ranges['residual'][0] == -ranges['residual'][1] < 0
    assert ranges['contribution'][0] == 0 < ranges['contribution'][1]
    # Those of residuals and contributions are the same for all.
    other = until_done(ask, '/api/picture/5/residual').headers['x-range']
    assert other == answers['residual'].headers['x-range']


def test_sheets_of_the_model_agree_with_large_pictures(ask):
    assert [p['name'] for p in ask('/api/results').json['sprite']['pictures']] == ['input', *KINDS]
    for kind in KINDS:
        sheet = picture(until_done(ask, f'/api/sheet/1?picture={kind}'))
        # Rows 64 to 71 are one line.
        assert sheet.shape == (16, 8 * 16, 3)
        for k in (0, 7):
            alone = picture(until_done(ask, f'/api/picture/{64 + k}/{kind}'))
            np.testing.assert_allclose(sheet[:, 16 * k : 16 * (k + 1)], alone, atol=3)


def test_masked_pixels_are_not_shown_as_intensities(ask, table):
    row = int(table['rank'][3]) - 1
    for kind in ('input', 'residual', 'contribution'):
        shown = picture(until_done(ask, f'/api/picture/{row}/{kind}'))
        assert {*map(tuple, shown[-4:].reshape(-1, 3))} == {(126, 138, 62)}


def test_inputs_are_shown_while_the_model_is_loaded(detector, stamps, table, tmp_path):
    detector.save(tmp_path / 'model')
    results = Results.open(table, stamps=stamps, model=tmp_path / 'model')
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl'))
    assert ask('/api/results').json['model'] == 'waiting'
    first = ask('/api/sheet/0?picture=residual')
    assert (first.status, first.json['waiting']) == (202, 'loading the model')
    assert ask('/api/sheet/0?picture=input').status == 200
    assert until_done(ask, '/api/sheet/0?picture=residual').status == 200
    assert ask('/api/results').json['model'] == 'loaded'


def test_a_model_that_cannot_be_loaded_is_told(stamps, table, tmp_path):
    (tmp_path / 'model').mkdir()
    (tmp_path / 'model' / 'manifest.json').write_text('{}')
    results = Results.open(table, stamps=stamps, model=tmp_path / 'model')
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl'))
    answer = until_done(ask, '/api/sheet/0?picture=closest')
    assert answer.status == 503
    assert 'loading the model' in answer.json['error']
    assert 'is damaged' in answer.json['error']
    assert ask('/api/sheet/0?picture=input').status == 200


def test_the_table_of_another_model_is_refused(detector, stamps, table, tmp_path):
    other = WGAN.preset('compact', size=16).fit(stamps[:40], iterations=1, progress=False)
    results = Results.open(table, stamps=stamps, model=AnomalyDetector(other))
    ask = asking(ResultsView(results, labels=tmp_path / 'labels.jsonl'))
    assert until_done(ask, '/api/sheet/0?picture=closest').status == 503


def test_features_of_the_model_are_kept_beside_the_results(detector, stamps, table, tmp_path):
    table.write(tmp_path / 'scores.ecsv')
    options = {'stamps': stamps, 'model': detector}
    view = ResultsView(Results.open(tmp_path / 'scores.ecsv', **options))
    found = until_done(asking(view), '/api/order?by=similar:0')
    order = arrays_of(found.content)[1]['rows'].tolist()
    features = detector.features(view.results.stamps.read(np.arange(72)), progress=False)
    assert order == [0, *most_similar(features, 0, n=72)[0].tolist()]
    kept = list((tmp_path / '.browsing').glob('*/features-*.npz'))
    assert len(kept) == 1
    # A second server reads them: without the file the networks would be asked.
    again = ResultsView(Results.open(tmp_path / 'scores.ecsv', **options))
    again.space._networks.features = None
    answer = until_done(asking(again), '/api/order?by=similar:0')
    assert arrays_of(answer.content)[1]['rows'].tolist() == order


def test_detectors_open_pages_of_their_scores(detector, stamps, table, tmp_path):
    labels = tmp_path / 'labels.jsonl'
    with detector.browse(stamps, table, labels=labels, open_browser=False) as server:
        assert server.view.results.model is detector
        assert server.view.ids == [str(k) for k in table['id'][np.argsort(table['rank'])]]
