"""Detectors that earlier versions saved, under the names of these versions."""

import json

import numpy as np
import pytest

from astro_wgan import AnomalyDetector
from astro_wgan.anomaly import LatentSearchConfig
from astro_wgan.anomaly.former_formats import in_current_format
from astro_wgan.files import manifest

#: Former name of each, by section of the description.
SEARCH = {'init': 'start'}
SCORING = {
    'weight_sigma': 'reach',
    'rotation_smoothing': 'turned_smoothing',
    'rotation_margin': 'turned_margin',
}
COLUMNS = {
    'smoothed_residual': 'structure',
    'rotation_residual': 'turned',
    'peak_residual': 'peak',
}
TREND = {
    'mean_coefficients_': 'level_',
    'scatter_coefficients_': 'scatter_',
    'min_scatter_': 'least_scatter_',
    'percentile_99_': 'hundredth_',
}
NOISE = {'noise_rms': 'noise'}
CALIBRATION = {**NOISE, 'held_out_scores': 'held_out', 'training_scores': 'training'}


def renamed(values, names):
    return {names.get(key, key): value for key, value in values.items()}


def without_weights(scoring):
    """Formats up to 12 had no terms of a classifier."""
    weights = [f'{name}_weight' for name in ('injection', 'residual', 'absolute', 'critic')]
    weights.append('features_weight')
    return {key: value for key, value in scoring.items() if key not in weights}


def in_former_format(description, number):
    """A description with the names, and what else there was, of format 8, 9 or 10."""
    former = {**description, 'format': f'astro_wgan detector {number}'}
    former['search'] = renamed(description['search'], SEARCH)
    former['search']['start'] = former['search']['start'].replace('zeros', 'free')
    former['scoring'] = renamed(without_weights(description['scoring']), SCORING)
    former['scoring']['statistic'] = COLUMNS[former['scoring']['statistic']]
    former['calibration'] = renamed(description['calibration'], CALIBRATION)
    former['trends'] = {
        name: renamed(trend, TREND)
        for name, trend in renamed(description['trends'], COLUMNS).items()
    }
    former['conditions'] = renamed(description['conditions'], NOISE)
    former['conditions']['spreads'] = renamed(description['conditions']['spreads'], NOISE)
    if number == 8:
        former['calibration'] = {k: former['calibration'][k] for k in ('held_out', 'training')}
        del former['conditions']['spreads']
    return former


@pytest.fixture(scope='module')
def detector(wgan, stamps):
    search = LatentSearchConfig(max_iterations=5)
    return AnomalyDetector(wgan, search=search).calibrate(stamps[:40], progress=False)


@pytest.fixture(scope='module')
def table(detector, stamps):
    return detector.score(stamps[40:60], progress=False)


@pytest.mark.parametrize('number', [8, 9, 10])
def test_former_detectors_score_as_they_did(detector, table, tmp_path, number):
    detector.save(tmp_path)
    path = tmp_path / 'detector.json'
    former = in_former_format(json.loads(path.read_text()), number)
    assert 'noise_rms' not in json.dumps(former)
    assert 'residual' not in json.dumps(former)
    path.write_text(json.dumps(former))
    if number < 10:  # without checksums
        (tmp_path / 'manifest.json').unlink()
        model = tmp_path / 'model.json'
        model.write_text(model.read_text().replace('astro_wgan model 3', 'astro_wgan model 1'))
    else:
        _update_checksum(tmp_path, 'detector.json')
    found = AnomalyDetector.load(tmp_path)
    assert (found.search, found.scoring) == (detector.search, detector.scoring)
    np.testing.assert_array_equal(found.score(table)['p_value'], table['p_value'])


def _update_checksum(folder, name):
    """Write the manifest anew, as the version that wrote the former file had."""
    path = folder / manifest.MANIFEST
    writer, entries, stale = manifest._parse_manifest(path.read_bytes())
    entries[name] = manifest._describe((folder / name).read_bytes())
    path.write_bytes(manifest._manifest(writer, entries, stale))


def test_format_10_without_a_manifest_is_damaged(detector, tmp_path):
    detector.save(tmp_path)
    path = tmp_path / 'detector.json'
    path.write_text(json.dumps(in_former_format(json.loads(path.read_text()), 10)))
    (tmp_path / 'manifest.json').unlink()
    with pytest.raises(ValueError, match=r'manifest\.json is missing'):
        AnomalyDetector.load(tmp_path)


def test_trends_without_a_99th_percentile_have_their_margins(detector, tmp_path):
    detector.save(tmp_path)
    former = in_former_format(json.loads((tmp_path / 'detector.json').read_text()), 9)
    for trend in former['trends'].values():
        del trend['hundredth_']
    trends = in_current_format(former)['trends']
    assert [trend['percentile_99_'] for trend in trends.values()] == [np.inf] * 3


@pytest.mark.parametrize('classifier', [None, {'binning': 2}])
def test_format_12_is_calibrated_unless_it_has_a_classifier(detector, tmp_path, classifier):
    """Its scores with a classifier were those without one."""
    detector.save(tmp_path)
    description = json.loads((tmp_path / 'detector.json').read_text())
    former = {**description, 'format': 'astro_wgan detector 12', 'classifier': classifier}
    former['scoring'] = without_weights(description['scoring'])
    found = in_current_format(former)
    kept = description['calibration'] if classifier is None else None
    assert (found['calibration'], found['classifier']) == (kept, classifier)
    if classifier is None:
        (tmp_path / 'detector.json').write_text(json.dumps(former))
        _update_checksum(tmp_path, 'detector.json')
        assert AnomalyDetector.load(tmp_path).scoring == detector.scoring


def test_the_current_format_is_not_changed(detector, tmp_path):
    detector.save(tmp_path)
    description = json.loads((tmp_path / 'detector.json').read_text())
    assert in_current_format(description) is description
