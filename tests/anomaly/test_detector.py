import copy
import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData
from astropy.table import QTable
from scipy.ndimage import gaussian_filter

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.anomaly import (
    EncoderConfig,
    LatentSearchConfig,
    LatentSearcher,
    ScoringConfig,
    q_values,
)
from astro_wgan.anomaly.measuring.part_measurement import PartMeasurement
from astro_wgan.exceptions import NotFittedError
from astro_wgan.store import StampStore

SEARCH = LatentSearchConfig(max_iterations=20, batch_size=16)


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    detector = AnomalyDetector(wgan, search=SEARCH)
    return detector.calibrate(stamps[:60], training=stamps[60:], progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.score(stamps[:40], progress=False)


def test_score_of_the_paper_is_the_weighted_sum_of_its_terms(detector, table):
    expected = 0.7 * table['residual_loss'] + 0.3 * table['feature_loss']
    np.testing.assert_allclose(table['paper_score'], expected)
    paper = AnomalyDetector(detector.wgan, search=SEARCH, scoring=ScoringConfig.paper())
    scored = paper.calibrate(table[:20], progress=False).score(table)
    np.testing.assert_array_equal(scored['score'], scored['paper_score'])
    assert scored.meta['thresholds']['held-out']['90'] in scored['score']


def test_rank_and_flags_follow_the_score(detector, table):
    order = np.argsort(table['rank'])
    assert (np.diff(np.asarray(table['score'])[order]) <= 0).all()
    for percentile, threshold in detector.calibration_.thresholds().items():
        np.testing.assert_array_equal(table[f'anomalous_{percentile}'], table['score'] > threshold)


def test_both_kinds_of_thresholds_are_in_the_meta(detector, table):
    training = detector.calibration_.thresholds(reference='training')
    assert table.meta['thresholds']['training'] == {str(k): v for k, v in training.items()}
    assert set(table.meta['thresholds']) == {'held-out', 'training'}
    assert table.meta['search']['gamma'] == 0.7
    assert 'versions' in table.meta['provenance']


def test_fully_masked_stamp_is_ranked_last_without_a_score(detector, stamps):
    pixels = stamps.pixels[:5].copy()
    pixels[2] = np.nan
    table = detector.score(StampSet(pixels, unit='nJy'), progress=False)
    assert np.isnan(table['score'][2])
    assert np.isnan(table['p_value'][2])
    assert table['rank'][2] == 5
    assert table['valid_fraction'].tolist() == [1, 1, 0, 1, 1]
    assert not any(table[f'anomalous_{percentile}'][2] for percentile in (85, 90, 95))
    assert np.isfinite(np.delete(np.asarray(table['score']), 2)).all()


@pytest.mark.parametrize('value', [0.0, -3.0, 1e6])
def test_constant_stamps_have_a_score(detector, value):
    table = detector.score(StampSet(np.full((2, 16, 16), value), unit='nJy'), progress=False)
    assert np.isfinite(table['score']).all()


def test_an_anomaly_has_the_highest_score(detector, stamps):
    pixels = stamps.pixels[:20].copy()
    pixels[7, :, 2:4] += 200
    table = detector.score(StampSet(pixels, unit='nJy'), progress=False)
    assert table['rank'][7] == 1
    assert table['p_value'][7] == pytest.approx(1 / 61)


def test_a_masked_anomaly_has_the_score_of_a_normal(detector, stamps):
    pixels, mask = stamps.pixels[:20].copy(), np.zeros((20, 16, 16), bool)
    pixels[7, :, 2:4] += 200
    mask[7, :, 2:4] = True
    table = detector.score(StampSet(pixels, mask=mask, unit='nJy'), progress=False)
    structure = np.asarray(table['smoothed_residual'])
    assert structure[7] < 1.5 * np.median(structure)
    assert table['score'][7] < 3


def test_a_store_is_scored_by_its_path(detector, stamps, table, tmp_path):
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps[:40])
    found = detector.score(tmp_path / 'stamps.zarr', progress=False)
    np.testing.assert_array_equal(found['id'], table['id'])
    np.testing.assert_allclose(found['score'], table['score'], rtol=1e-5)


def test_an_image_is_scored_at_positions(detector, stamps):
    """Four stamps side by side; the third position leaves half of its stamp outside."""
    mosaic = np.block([[*stamps.pixels[:2]], [*stamps.pixels[2:4]]])
    image = CCDData(mosaic, unit='nJy')
    positions = [(7.5, 7.5), (23.5, 23.5), (0, 7.5)]
    found = detector.score(image, positions=positions, progress=False)
    expected = detector.score(stamps[[0, 3]], progress=False)
    # Of another number of images rounding differs, which the search amplifies.
    for name in ('residual_loss', 'closest_flux'):
        np.testing.assert_allclose(found[name][:2], expected[name], rtol=0.02)
        assert abs(expected[name][0] / expected[name][1] - 1) > 0.05
    assert found['valid_fraction'].tolist() == [1, 1, 0.5]
    with pytest.raises(ValueError, match='`positions` are for an image'):
        detector.score(stamps, positions=positions, progress=False)
    with pytest.raises(ValueError, match=r'`positions` are for an image.*got QTable'):
        detector.score(found, positions=positions, progress=False)


def test_classes_are_those_of_the_thresholds(detector, stamps, table):
    for percentile in (85, 90, 95):
        found = detector.predict(table, percentile=percentile)
        np.testing.assert_array_equal(found, table[f'anomalous_{percentile}'])
    by_training = detector.predict(table, percentile=95, reference='training')
    threshold = detector.calibration_.thresholds([95], reference='training')[95]
    np.testing.assert_array_equal(by_training, table['score'] > threshold)
    np.testing.assert_array_equal(
        detector.predict(stamps[:40], progress=False), table['anomalous_90']
    )


def test_a_list_with_few_false_discoveries(detector, table):
    scored = table.copy()
    # The smallest p-value of 60 normals is 1 / 61: that of 20 stamps of 40 is worth naming.
    scored['p_value'] = np.where(np.arange(40) < 20, 1 / 61, 0.5)
    scored['q_value'] = q_values(scored['p_value'])
    found = detector.predict(scored, false_discovery_rate=0.1)
    np.testing.assert_array_equal(found, np.arange(40) < 20)
    assert not detector.predict(scored, false_discovery_rate=0.03).any()


def test_a_stamp_without_a_score_is_in_no_class(detector, stamps):
    fully_masked = stamps[:2]
    fully_masked.pixels = np.where(np.arange(2)[:, None, None] == 1, np.nan, fully_masked.pixels)
    assert not detector.predict(fully_masked, percentile=0, progress=False)[1]
    assert detector.predict(fully_masked, percentile=0, progress=False)[0]
    assert not detector.predict(fully_masked, false_discovery_rate=0.99, progress=False)[1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'percentile': 101}, '`percentile` must lie between 0 and 100; got 101'),
        ({'reference': 'test'}, "`reference` must be 'held-out' or 'training'; got 'test'"),
        ({'false_discovery_rate': 1.5}, '`false_discovery_rate` must lie between 0 and 1; got 1.5'),
        ({'percentile': 90, 'false_discovery_rate': 0.1}, 'Give either `false_discovery_rate`'),
        (
            {'reference': 'training', 'false_discovery_rate': 0.1},
            'Give either `false_discovery_rate`',
        ),
    ],
)
def test_invalid_predictions_are_refused_before_the_work(detector, options, message):
    with pytest.raises(ValueError, match=message):
        detector.predict(None, **options)


def test_a_table_of_scores_takes_no_arguments_of_score(detector, stamps):
    table = detector.score(stamps[:3], progress=False)
    with pytest.raises(ValueError, match='is a table of scores; got `positions` for `score`'):
        detector.predict(table, positions=[(3, 4)])


def test_units_are_converted(detector, stamps, table):
    in_micro = StampSet(stamps.quantity[:40].to('uJy'))
    again = detector.score(in_micro, progress=False)
    np.testing.assert_allclose(again['score'], table['score'], rtol=1e-3)


def test_residual_is_input_minus_closest_image(detector, stamps, table):
    part = stamps[:40]
    closest = detector.closest_images(table, like=part)
    residual = detector.residual(part, table)
    assert closest.unit == residual.unit == part.unit
    np.testing.assert_allclose(residual.pixels, part.pixels - closest.pixels, atol=1e-4)
    with pytest.raises(ValueError, match='row by row'):
        detector.residual(part[:3], table)
    with pytest.raises(ValueError, match='ids in another order'):
        detector.residual(part, table[::-1])


def test_images_of_stamps_are_those_of_their_store(detector, stamps, table, tmp_path):
    part = stamps[:40]
    path = StampStore.from_stamps(tmp_path / 'stamps', part).path
    residual = detector.residual(part, table).pixels
    for some in (StampStore.open(path), path, part.to_cutout2d()):
        np.testing.assert_array_equal(detector.residual(some, table).pixels, residual)
        assert detector.anomaly_map(some, table).pixels.shape == residual.shape
        assert len(detector.wgan.critic_value(some)) == 40
    like = detector.closest_images(table, like=path)
    np.testing.assert_array_equal(like.ids, part.ids)
    assert detector.gallery(path, table, tmp_path / 'page.html', n_cards=2).exists()


def test_anomaly_map_is_normalized_and_highest_at_the_anomaly(detector, stamps):
    pixels = stamps.pixels[:5].copy()
    pixels[2, 9:12, 9:12] += 200
    pixels[4] = np.nan
    changed = StampSet(pixels, unit='nJy')
    table = detector.score(changed, progress=False)
    shares = detector.anomaly_map(changed, table)
    assert shares.unit is None
    np.testing.assert_allclose(shares.pixels[:4].sum(axis=(1, 2)), 1, rtol=1e-5)
    assert np.isnan(shares.pixels[4]).all()
    with_it, without = (shares.pixels[k, 8:13, 8:13].sum() for k in (2, 1))
    assert with_it > 1.2 * without
    # All there is, times the shares, is the structure: recomputed from the residual.
    images = detector.wgan.images_from_stamps(changed[:1])[0]
    closest = detector.wgan.images_from_latent(table['latent'][:1])
    smooth = gaussian_filter(images - closest, (0, 1.5, 1.5, 0))[0, ..., 0]
    y, x = (np.indices((16, 16)) - 7.5) / (detector.scoring.weight_sigma * 16)
    expected = np.abs(smooth) * np.exp(-(x**2 + y**2) / 2)
    np.testing.assert_allclose(shares.pixels[0], expected / expected.sum(), rtol=1e-3, atol=1e-6)
    assert table['smoothed_residual'][0] == pytest.approx(
        expected.sum() / np.exp(-(x**2 + y**2) / 2).sum(), rel=1e-4
    )
    with pytest.raises(ValueError, match='row by row'):
        detector.anomaly_map(changed[:3], table)


def test_noisy_pixels_count_less(detector, stamps):
    pixels = stamps.pixels[:1].copy()
    pixels[0, 9:12, 9:12] += 200
    uncertainty = np.ones_like(pixels)
    plain = detector.measure(StampSet(pixels, unit='nJy', uncertainty=uncertainty), progress=False)
    uncertainty[0, 9:12, 9:12] = 1e4
    noisy = detector.measure(StampSet(pixels, unit='nJy', uncertainty=uncertainty), progress=False)
    for name in ('residual_loss', 'smoothed_residual', 'peak_residual'):
        assert noisy[name][0] < 0.9 * plain[name][0]
    without = detector.measure(StampSet(pixels, unit='nJy'), progress=False)
    assert without['smoothed_residual'][0] == plain['smoothed_residual'][0]


def test_loaded_detector_gives_the_same_scores(detector, stamps, table, tmp_path):
    detector.save(tmp_path)
    again = AnomalyDetector.load(tmp_path)
    assert again.search == SEARCH
    np.testing.assert_allclose(
        again.score(stamps[:40], progress=False)['score'], table['score'], rtol=1e-5
    )


def test_interrupted_scoring_goes_on_where_it_stopped(detector, stamps, tmp_path, monkeypatch):
    part, resume = stamps[:40], tmp_path / 'scores.npz'
    detector = AnomalyDetector(
        detector.wgan, search=LatentSearchConfig(max_iterations=20, batch_size=4)
    )
    uninterrupted = detector.measure(part, progress=False)
    compute, calls = PartMeasurement.compute, []

    def interrupted(self, searcher, prepared, **options):
        calls.append(len(prepared.images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(self, searcher, prepared, **options)

    monkeypatch.setattr(PartMeasurement, 'compute', interrupted)
    with pytest.raises(KeyboardInterrupt):
        detector.measure(part, progress=False, output=resume)
    again = detector.measure(part, progress=False, output=resume)
    # Two batches of 16 were kept; the third, of 8, was measured again, and nothing else.
    assert calls == [16, 16, 8, 8]
    for name in ('id', 'latent', 'paper_score'):
        np.testing.assert_array_equal(again[name], uninterrupted[name])


KILLED = """
import time
from astro_wgan import AnomalyDetector
from astro_wgan.anomaly.measuring.part_measurement import PartMeasurement

compute = PartMeasurement.compute

def slowly(*arguments, **options):
    time.sleep(0.2)
    return compute(*arguments, **options)

PartMeasurement.compute = slowly
detector = AnomalyDetector.load({model!r})
detector.score({stamps!r}, output={resume!r}, progress=False)
"""


def test_killed_scoring_goes_on_where_it_was(wgan, stamps, tmp_path, monkeypatch):
    search = LatentSearchConfig(optimizer='adam', max_iterations=8, batch_size=2)
    detector = AnomalyDetector(wgan, search=search).calibrate(stamps[:60], progress=False)
    paths = {name: str(tmp_path / name) for name in ('model', 'stamps', 'resume')}
    detector.save(paths['model'])
    StampStore.from_stamps(paths['stamps'], stamps).close()
    process = subprocess.Popen([sys.executable, '-c', KILLED.format(**paths)])
    try:
        deadline = time.monotonic() + 120
        while not os.path.exists(paths['resume']) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        process.kill()
        process.wait()
    compute, calls = PartMeasurement.compute, []

    def counted(self, searcher, prepared, **options):
        calls.append(len(prepared.images))
        return compute(self, searcher, prepared, **options)

    monkeypatch.setattr(PartMeasurement, 'compute', counted)
    found = detector.score(paths['stamps'], output=paths['resume'], progress=False)
    # Some of the 15 batches of 8 were there.
    assert 0 < len(calls) < 15
    expected = detector.score(stamps, progress=False)
    np.testing.assert_array_equal(found['id'], expected['id'])
    for name in ('paper_score', 'smoothed_residual', 'rotation_residual', 'closest_flux'):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-3)
    again = detector.score(paths['stamps'], output=paths['resume'], progress=False)
    np.testing.assert_array_equal(again['score'], found['score'])


def test_scores_of_other_stamps_are_not_taken_for_these(detector, stamps, tmp_path):
    resume = tmp_path / 'scores.npz'
    detector.measure(stamps[:5], progress=False, output=resume)
    with pytest.raises(ValueError, match='belongs to other stamps: their ids and pixels differ'):
        detector.measure(stamps[5:10], progress=False, output=resume)
    # By themselves stamps are numbered from 0.
    for changed, what in (
        ({'pixels': stamps.pixels[5:10]}, 'their pixels differ'),
        ({'mask': stamps.pixels[:5] > 15}, 'they had no masks, and have some'),
        ({'uncertainty': np.ones((5, 16, 16))}, 'they had no uncertainties, and have some'),
        ({'unit': 'uJy'}, "their unit was 'nJy' and is 'uJy'"),
        ({'pixel_scale': 0.1 * u.arcsec}, 'their pixel scale was None and is .0.1 arcsec / pix'),
    ):
        other = StampSet(**{'pixels': stamps.pixels[:5], 'unit': 'nJy', **changed})
        with pytest.raises(ValueError, match=rf'belongs to other stamps: {what}'):
            detector.measure(other, progress=False, output=resume)
    detector.measure(StampSet(stamps.pixels[:5], unit='nJy'), progress=False, output=resume)
    resume.write_bytes(resume.read_bytes()[:100])
    with pytest.raises(ValueError, match='does not hold measurements, or it is damaged'):
        detector.measure(stamps[:5], progress=False, output=resume)


def test_scores_of_another_detector_are_not_taken_for_its_own(detector, stamps, tmp_path):
    resume, part = tmp_path / 'scores.npz', stamps[:5]
    before = detector.measure(part, progress=False, output=resume)
    for options, what in (
        (
            {'search': LatentSearchConfig(max_iterations=3)},
            'other settings: `search.max_iterations` was',
        ),
        (
            {'scoring': ScoringConfig(smoothing=2.0)},
            'other settings: `scoring.smoothing` was 1.5 and is',
        ),
    ):
        other = AnomalyDetector(detector.wgan, **{'search': detector.search, **options})
        with pytest.raises(ValueError, match=f'belongs to {what}'):
            other.measure(part, progress=False, output=resume)
    trained = copy.copy(detector.wgan)
    trained.critic_ = keras.models.clone_model(trained.critic_)
    with pytest.raises(ValueError, match='belongs to another model: its critic differs'):
        AnomalyDetector(trained, search=detector.search).measure(
            part, progress=False, output=resume
        )
    stretched = copy.copy(detector.wgan)
    stretched.stretch_ = stretched.stretch_.copy()
    stretched.stretch_.noise_rms_ = (2.0,)
    with pytest.raises(ValueError, match=r'belongs to another model: its stretch\.noise_rms were'):
        AnomalyDetector(stretched, search=detector.search).measure(
            part, progress=False, output=resume
        )
    # How what is measured becomes a score may change.
    other = AnomalyDetector(
        detector.wgan, search=detector.search, scoring=ScoringConfig('residual_loss')
    )
    again = other.measure(part, progress=False, output=resume)
    assert (again['residual_loss'] == before['residual_loss']).all()


def test_what_is_not_ready_says_so(wgan, stamps, tmp_path):
    with pytest.raises(NotFittedError, match='must be fitted'):
        AnomalyDetector(WGAN.preset('compact', size=16))
    with pytest.raises(NotFittedError, match='call `calibrate` first'):
        AnomalyDetector(wgan).score(stamps)
    with pytest.raises(NotFittedError, match='call `calibrate` first'):
        AnomalyDetector(wgan).predict(stamps)
    with pytest.raises(FileNotFoundError, match='no detector in'):
        AnomalyDetector.load(tmp_path)


def test_stamps_of_another_size_are_refused(detector):
    with pytest.raises(ValueError, match=r'16 x 16 pixels.*got 32 x 32'):
        detector.score(StampSet(np.zeros((2, 32, 32))), progress=False)


def test_damaged_detector_is_refused(detector, tmp_path):
    detector.save(tmp_path)
    path = tmp_path / 'detector.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'format': 'other'}))
    with pytest.raises(ValueError, match='not of this version, or it is damaged'):
        AnomalyDetector.load(tmp_path)


def other_parts(detector):
    """What may be replaced, by name, with another and with the same again."""
    return {
        'search': (replace(SEARCH, max_iterations=7), replace(SEARCH)),
        'scoring': (ScoringConfig.paper(), ScoringConfig()),
        'wgan': (copy.copy(detector.wgan), detector.wgan),
    }


@pytest.mark.parametrize('name', ['search', 'scoring', 'wgan'])
def test_a_detector_with_another_part_is_no_longer_calibrated(detector, stamps, table, name):
    own = copy.copy(detector)
    other, same = other_parts(own)[name]
    setattr(own, name, same)
    np.testing.assert_array_equal(own.score(table)['p_value'], table['p_value'])
    setattr(own, name, other)
    assert not hasattr(own, 'calibration_')
    assert not hasattr(own, 'trends_')
    for method in (own.score, own.predict):
        with pytest.raises(NotFittedError, match=f'not been calibrated since its `{name}` was rep'):
            method(stamps[:3], progress=False)
    assert 'not calibrated' in repr(own)
    # The one from which it was copied still is.
    assert hasattr(detector, 'calibration_')
    assert own.calibrate(stamps[:60], progress=False).score(stamps[:3], progress=False)


def test_a_calibration_of_another_detector_is_refused(detector, wgan, stamps, table):
    own = AnomalyDetector(wgan, search=SEARCH)
    own.calibration_ = detector.calibration_
    np.testing.assert_array_equal(own.score(table)['p_value'], table['p_value'])
    for parts in (
        {'search': LatentSearchConfig(max_iterations=3)},
        {'scoring': ScoringConfig.paper()},
    ):
        other = AnomalyDetector(wgan, **{'search': SEARCH, **parts})
        with pytest.raises(ValueError, match=f'belongs to another `{next(iter(parts))}`'):
            other.calibration_ = detector.calibration_


def test_a_model_that_was_fitted_anew_ends_the_calibration(wgan, stamps):
    own = copy.deepcopy(wgan)
    detector = AnomalyDetector(own, search=LatentSearchConfig(max_iterations=2))
    detector.calibrate(stamps[:40], progress=False)
    own.fit(stamps, iterations=1, seed=2, progress=False)
    with pytest.raises(NotFittedError, match='since its model was fitted again'):
        detector.score(stamps[:3], progress=False)


def test_another_model_brings_its_own_encoder(wgan, stamps):
    first, second = (WGAN.preset('compact', size=16) for _ in range(2))
    for seed, model in enumerate((first, second)):
        model.fit(stamps, iterations=1, seed=seed, progress=False)
    detector = AnomalyDetector(first)
    detector.wgan = second
    assert detector.encoder_ is second.encoder_
    own = AnomalyDetector(first, encoder=second.encoder_)
    own.wgan = wgan
    with pytest.raises(NotFittedError, match='trained for another `wgan`'):
        own.measure(stamps[:3], progress=False)
    own.wgan = first
    assert own.encoder_ is second.encoder_
    own.encoder_ = None
    assert own.encoder_ is first.encoder_


def test_a_model_that_was_fitted_anew_has_another_encoder(stamps, tmp_path):
    model = WGAN.preset('compact', size=16).fit(stamps, iterations=1, progress=False)
    detector = AnomalyDetector(model).calibrate(stamps[:40], progress=False)
    given = AnomalyDetector(model, encoder=copy.deepcopy(model.encoder_))
    measured = given.measure(stamps[:40], progress=False)
    model.fit(stamps, iterations=2, seed=2, progress=False)
    assert not hasattr(detector, 'calibration_')
    detector.save(tmp_path)
    assert not hasattr(AnomalyDetector.load(tmp_path), 'calibration_')
    latent = detector.measure(stamps[:9], progress=False)['latent']
    images, _ = model.images_from_stamps(stamps[:9])
    np.testing.assert_allclose(latent, model.encoder_.predict(images, verbose=0), atol=1e-4)
    with pytest.raises(NotFittedError, match='before this one was fitted again'):
        given.measure(stamps[:9], progress=False)
    for use in (detector.calibrate, detector.closest_images):
        with pytest.raises(ValueError, match='measured with another `wgan`'):
            use(measured)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('wgan', None), ('search', 'mu'), ('scoring', None), ('calibration_', 3.0)],
)
def test_parts_of_another_kind_are_refused(detector, name, value):
    with pytest.raises(TypeError, match=f'`{name}` must be a'):
        setattr(detector, name, value)
    assert hasattr(detector, 'calibration_')


def test_a_new_encoder_ends_the_calibration(wgan, stamps):
    detector = AnomalyDetector(wgan, search=LatentSearchConfig(max_iterations=2))
    detector.calibrate(stamps[:40], progress=False)
    detector.train_encoder(stamps, config=EncoderConfig(iterations=1), progress=False)
    with pytest.raises(NotFittedError, match='`calibrate` again'):
        detector.score(stamps[:3], progress=False)


def test_measurements_of_another_search_or_smoothing_are_refused(detector, table):
    other = AnomalyDetector(detector.wgan, search=replace(SEARCH, gamma=0.5))
    for method in (other.calibrate, other.calibrate(table_of(other, table)).score):
        with pytest.raises(ValueError, match=r'with another `search` .*different: gamma'):
            method(table)
    smooth = AnomalyDetector(detector.wgan, search=SEARCH, scoring=ScoringConfig(smoothing=0.5))
    with pytest.raises(ValueError, match=r'with another `scoring` .*different: smoothing'):
        smooth.calibrate(table)


def table_of(detector, table):
    """As if the detector had measured it."""
    own = table.copy()
    own.meta['search'] = asdict(detector.search)
    return own


def test_measurements_of_several_processes_are_the_same(detector, stamps, table, tmp_path):
    search = replace(SEARCH, batch_size=4)
    own = AnomalyDetector(detector.wgan, search=search)
    expected = own.measure(stamps[:40], progress=False)
    path = tmp_path / 'measured.npz'
    found = own.measure(stamps[:40], processes=2, output=path, progress=False)
    assert found['id'].tolist() == expected['id'].tolist()
    for name in ('latent', 'paper_score', 'smoothed_residual'):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-5)
    # All were kept.
    again = own.measure(stamps[:40], processes=2, output=path, progress=False)
    np.testing.assert_array_equal(again['latent'], found['latent'])


def test_processes_must_be_positive(detector, stamps):
    with pytest.raises(ValueError, match='`processes` must be a whole number, at least 1; got 0'):
        detector.measure(stamps, processes=0)


@pytest.mark.parametrize('through', [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
def test_a_detector_that_was_used_can_be_copied_and_sent(detector, stamps, table, through):
    again = through(detector)
    np.testing.assert_allclose(
        again.score(stamps[:40], progress=False)['score'], table['score'], rtol=1e-5
    )
    assert (
        again.calibration_.held_out_scores.tolist()
        == detector.calibration_.held_out_scores.tolist()
    )


def test_a_searcher_can_be_sent(wgan, stamps):
    images, weights = wgan.images_from_stamps(stamps[:3])
    searcher = LatentSearcher(wgan, LatentSearchConfig(max_iterations=3))
    found = searcher(images, weights)
    again = pickle.loads(pickle.dumps(searcher))(images, weights)
    np.testing.assert_allclose(again.residual_loss, found.residual_loss, rtol=1e-5)


def test_closest_images_find_their_stamps_by_id(detector, stamps, table):
    order = np.argsort(table['rank'])
    ranked = detector.closest_images(table[order], like=stamps)
    plain = detector.closest_images(table, like=stamps[:40])
    np.testing.assert_array_equal(ranked.ids, np.asarray(table['id'])[order])
    np.testing.assert_array_equal(ranked.pixels, plain.pixels[order])
    with pytest.raises(ValueError, match='lacks 38 of 40, the first has the id 1'):
        detector.closest_images(table, like=stamps[[0, 3]])


OWN = {
    'peak_residual': np.arange(4.0),
    'noise_rms': np.full(4, 7.0),
    'score': np.linspace(5, 6, 4),
    'rank': np.arange(4),
    'valid_fraction': np.array(['yes'] * 4),
    'anomalous_90': np.zeros(4),
    'latent': np.ones((4, 2)),
}


def test_columns_of_the_stamps_are_kept_under_another_name(detector, stamps):
    own = stamps[:4].replace(
        table=QTable({'id': np.arange(4), **OWN, 'score_input': ['a'] * 4, 'peak': np.arange(4)})
    )
    found = detector.score(own, progress=False)
    expected = detector.score(stamps[:4], progress=False)
    for name, values in OWN.items():
        kept = 'score_input_2' if name == 'score' else f'{name}_input'
        np.testing.assert_array_equal(found[kept], values)
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    assert found['score_input'].tolist() == ['a'] * 4
    # That of a source, as it was detected.
    assert found['peak'].tolist() == [0, 1, 2, 3]
    # Scored once more, nothing is renamed again.
    assert detector.score(found).colnames == found.colnames
    assert own.table.colnames == ['id', *OWN, 'score_input', 'peak']


def test_contamination_of_the_calibration_is_estimated_or_given(detector, stamps):
    measured = detector.measure(stamps, progress=False)
    own = copy.copy(detector).calibrate(measured, contamination=0.1)
    table = own.score(measured)
    assert table.meta['contamination'] == 0.1
    plain = copy.copy(detector).calibrate(measured).score(measured)
    assert (table['p_value'] <= plain['p_value'] + 1 / 121).all()
    assert table['p_value'][0] > 0
    assert own.calibration_.probabilities.sum() == pytest.approx(108, abs=6)
    with pytest.raises(ValueError, match='`contamination` must be at least 0'):
        own.calibrate(stamps, contamination=0.7)


def test_no_stamps_have_images_of_the_same_shape(detector, stamps, table, tmp_path):
    none = detector.score(stamps[:0], progress=False)
    for images in (detector.closest_images(none, like=stamps), detector.residual(stamps[:0], none)):
        assert images.pixels.shape == (0, 16, 16)
    assert detector.gallery(stamps[:0], none, tmp_path / 'page.html').exists()


@pytest.mark.parametrize('name', ['id', 'latent', 'rank'])
def test_a_column_that_is_missing_is_named(detector, stamps, table, name, tmp_path):
    table = table[[other for other in table.colnames if other != name]]
    with pytest.raises(ValueError, match=f"must have the column '{name}'"):
        detector.gallery(stamps[: len(table)], table, tmp_path / 'page.html')


def test_other_stamps_of_the_same_ids_are_no_members(detector, stamps, tmp_path):
    own = AnomalyDetector(detector.wgan, search=SEARCH).calibrate(stamps[:40], progress=False)
    own.save(tmp_path)
    other = stamps[:40].replace(pixels=stamps[40:80].pixels)
    for loaded in (own, AnomalyDetector.load(tmp_path)):
        loaded.score(stamps[:40], in_calibration=np.ones(40, dtype=bool), progress=False)
        with pytest.raises(ValueError, match='40 are not among these, the first has the id 0'):
            loaded.score(other, in_calibration=np.ones(40, dtype=bool), progress=False)
        with pytest.raises(ValueError, match=r'one value for each score, \(40,\)'):
            loaded.score(other, in_calibration=[True, False], progress=False)


def test_ids_of_fits_files_are_those_of_the_stamps(wgan, stamps, tmp_path):
    part = stamps[:20].replace(table=QTable({'id': [f'galaxy {k}' for k in range(20)]}))
    detector = AnomalyDetector(wgan, search=SEARCH).calibrate(part, progress=False)
    table = detector.score(part, progress=False)
    table.meta.clear()  # of which FITS files do not keep all
    table.write(tmp_path / 'scores.fits')
    table = QTable.read(tmp_path / 'scores.fits')
    assert table['id'].dtype.kind == 'S'
    members = {'in_calibration': np.ones(20, dtype=bool), 'progress': False}
    expected = detector.score(part, **members)['p_value']
    np.testing.assert_array_equal(detector.score(table, **members)['p_value'], expected)
    assert detector.closest_images(table, like=part[::-1]).ids.tolist() == part.ids.tolist()
    assert len(detector.residual(part, table)) == 20
    # Calibrated with such a table, or with stamps whose table is of such a file.
    read = part.replace(table=table['id',])
    assert read.ids.tolist() == part.ids.tolist()
    for held_out in (table, read):
        AnomalyDetector(wgan, search=SEARCH).calibrate(held_out, progress=False).save(tmp_path)
        again = AnomalyDetector.load(tmp_path)
        np.testing.assert_allclose(again.score(part, **members)['p_value'], expected)


def test_a_contaminated_calibration_is_saved(detector, stamps, tmp_path):
    measured = detector.measure(stamps, progress=False)
    own = copy.copy(detector).calibrate(measured, contamination=0.1)
    own.save(tmp_path)
    again = AnomalyDetector.load(tmp_path)
    in_calibration = np.ones(len(stamps), bool)
    np.testing.assert_array_equal(
        again.score(measured, in_calibration=in_calibration)['p_value'],
        own.score(measured, in_calibration=in_calibration)['p_value'],
    )


def test_flux_of_the_closest_image_is_a_sum_over_an_area_where_pixels_hold_no_flux(wgan, stamps):
    units = []
    for unit in ('nJy', 'MJy / sr'):
        model = copy.copy(wgan)
        model.unit_ = u.Unit(unit)
        model.stretch_ = wgan.stretch_.copy()
        model.stretch_.unit_ = model.unit_
        known = StampSet(stamps.pixels[:4], unit=unit)
        detector = AnomalyDetector(model, search=SEARCH)
        table = detector.measure(known, progress=False)
        units.append((table['closest_flux'].unit, table['noise_rms'].unit))
    assert units == [(u.nJy, u.nJy), (u.MJy / u.sr * u.pix**2, u.MJy / u.sr)]
