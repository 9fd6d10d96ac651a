"""Ranks and false-discovery rates from parts."""

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, vstack

from astro_wgan.anomaly import q_values
from astro_wgan.surveying.part_tables import read_part, write_part
from astro_wgan.surveying.survey_folder import SurveyFolder
from astro_wgan.surveying.survey_ranking import (
    FalseDiscoveryRates,
    rank_survey,
    strangest_sources,
)


def test_rates_of_parts_are_those_of_all_sources():
    rng = np.random.default_rng(1)
    p_values = rng.integers(1, 500, 3000) / 500
    p_values[::50] = np.nan
    rates = FalseDiscoveryRates()
    for part in np.array_split(p_values, 7):
        rates.add(part)
    np.testing.assert_allclose(rates.q_values(p_values), q_values(p_values), rtol=1e-13)


def test_no_source_with_a_score_has_no_rates():
    rates = FalseDiscoveryRates()
    rates.add([np.nan])
    assert np.isnan(rates.q_values([np.nan, np.nan])).all()
    assert rates.q_values([]).shape == (0,)


@pytest.fixture
def folder(tmp_path):
    """Three parts of 40 sources, of whose scores many are equal and every tenth is unknown."""
    pytest.importorskip('pyarrow')
    rng, folder = np.random.default_rng(5), SurveyFolder(tmp_path)
    folder.parts.mkdir()
    (tmp_path / 'survey.json').write_text('{}')
    for k, tile in enumerate(['a', 'b', 'c']):
        score = rng.integers(0, 12, 40).astype(float)
        score[::10] = np.nan
        part = QTable({'id': np.arange(40) + 100 * k, 'score': score, 'p_value': 1 / (1 + score)})
        part['flux'] = rng.normal(size=40) * u.nJy
        part.meta['tile'] = {'name': tile}
        write_part(folder.part(tile), part)
    folder.ranks.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize('count', [1, 7, 50, 108, 115, 120, 500])
def test_strangest_sources_are_those_of_all_parts_sorted(folder, count):
    rank_survey(folder.path)
    parts = [read_part(folder.part(tile)) for tile in 'abc']
    for part in parts:
        part.meta = {}
    everything = vstack(parts)
    score = np.where(np.isnan(everything['score']), -np.inf, everything['score'])
    expected = everything[np.argsort(-score, kind='stable')[:count]]
    found = strangest_sources(folder, count)
    assert found['id'].tolist() == expected['id'].tolist()
    assert found['tile'].tolist() == [['a', 'b', 'c'][k // 100] for k in expected['id']]
    np.testing.assert_array_equal(found['flux'], expected['flux'])
    assert found['flux'].unit == u.nJy
    higher = [np.count_nonzero(score > value) for value in score]
    ranks = dict(zip(everything['id'].tolist(), higher, strict=True))
    assert found['rank'].tolist() == [1 + ranks[k] for k in found['id'].tolist()]
    assert 'tile' not in found.meta


def test_columns_of_parts_may_differ_in_precision(folder):
    part = read_part(folder.part('b'))
    part['flux'] = part['flux'].astype(np.float32)
    write_part(folder.part('b'), part)
    flux = np.concatenate([read_part(folder.part(tile))['flux'].value for tile in 'abc'])
    ranked = rank_survey(folder.path, n_ranked=120)
    order = np.argsort(ranked['id'])
    np.testing.assert_array_equal(ranked['flux'][order].value, flux)
