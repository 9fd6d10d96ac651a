"""Results of features from elsewhere, of which there are no stamps: no pictures, all the rest."""

import time

import numpy as np
import pytest

from astro_wgan.anomaly import score_features
from astro_wgan.browsing import Results
from astro_wgan.browsing.background_tasks import NotReadyError
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.catalogs import write_table
from tests.browsing.example_results import asking


def when_ready(function):
    """The answer of what is computed in the background."""
    for _ in range(600):
        try:
            return function()
        except NotReadyError:
            time.sleep(0.05)
    pytest.fail('It is not ready after half a minute.')


def table_of_features(n=120, d=5):
    values = np.random.default_rng(1).normal(size=(n, d))
    values[-20:] += 7
    return score_features(values, ids=[f'g{k}' for k in range(n)])


@pytest.fixture
def without_stamps(tmp_path):
    path = write_table(table_of_features(), tmp_path / 'scores.parquet')
    view = ResultsView(Results.open(path), labels=tmp_path / 'labels.jsonl', by='anna')
    return view, asking(view)


def test_the_page_is_told_that_there_are_no_pictures(without_stamps):
    view, ask = without_stamps
    found = ask('/api/results').json
    assert (found['total'], found['withStamps'], found['hasFeatures']) == (120, 0, True)
    assert ask('/api/source/3').json['pictures'] == []
    assert ask('/api/sheet/0?kind=input').status == 200
    assert view.version == view.version


def test_similar_sources_are_found_by_their_features(without_stamps):
    view, _ = without_stamps
    strange = {f'g{k}' for k in range(100, 120)}
    row = view.ids.index('g110')
    rows = when_ready(lambda: view.space.nearest(row))
    assert {view.ids[k] for k in rows[:20]} == strange


def test_labels_rank_all_sources(without_stamps):
    view, _ = without_stamps
    file = view.labels.file
    file.add(['g100', 'g101', 'g102'], 'interesting', by='anna')
    file.add(['g1', 'g2', 'g3'], 'artifact', by='anna')
    arrays, report = when_ready(view.rerank)
    assert report['labels'] == 6
    first = np.argsort(arrays['joined_rank'])[:20]
    strange = {f'g{k}' for k in range(100, 120)}
    assert len(strange & {view.ids[k] for k in first}) >= 16


def test_a_table_without_features_needs_stamps():
    table = table_of_features()
    table.remove_column('features')
    with pytest.raises(ValueError, match='without the column `features`'):
        Results.open(table)
