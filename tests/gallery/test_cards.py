import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable

from astro_wgan.gallery.cards import card_columns, contribution_labels, sky_text


@pytest.fixture
def table():
    table = QTable({'id': ['a', 'b', 'c'], 'score': [0.1, np.nan, 0.3], 'rank': [2, 3, 1]})
    table['p_value'] = [0.5, np.nan, 0.01]
    table['anomalous_95'] = [False, False, True]
    table['x'] = [1.5, 2.5, 3.5] * u.pix
    table['sky'] = SkyCoord([10.0, 20.0, 53.163], [-0.5, 0.0, -27.792], unit='deg')
    table['flux'] = np.array([1, 2, 3], dtype=np.float32) * u.nJy
    table['trained_on'] = [True, False, True]
    table['latent'] = np.zeros((3, 4))
    table['features'] = np.zeros((3, 2))
    return table


def by_name(columns):
    return {column.name: column for column in columns}


def test_columns_are_plain_values_in_the_order_of_the_rows(table):
    found = by_name(card_columns(table, [2, 0, 1]))
    assert found['score'].values == [0.3, 0.1, None]
    assert found['rank'].values == [1, 2, 3]
    assert (found['flux'].values, found['flux'].unit) == ([3.0, 1.0, 2.0], 'nJy')
    assert (found['x'].values, found['x'].unit) == ([3.5, 1.5, 2.5], 'pix')
    assert (found['trained_on'].kind, found['trained_on'].values) == ('flag', [True, True, False])
    assert found['sky.ra'].values == [53.163, 10.0, 20.0]
    assert not {'latent', 'features'} & {*found}
    assert 'id' not in found
    assert list(found)[:3] == ['rank', 'score', 'p_value']


def test_columns_are_sorted_with_the_most_anomalous_first(table):
    found = by_name(card_columns(table, [0]))
    descending = {name: column.descending for name, column in found.items()}
    assert descending['score']
    assert descending['flux']
    assert not descending['rank']
    assert not descending['p_value']


def test_contributions_to_the_score_have_labels(table):
    assert contribution_labels(card_columns(table, [0])) == []
    for name in ('score_critic', 'score_injection', 'score_input'):
        table[name] = 1.0
    found = card_columns(table, [0, 1])
    assert contribution_labels(found) == [
        ['score_injection', 'injection'],
        ['score_critic', 'critic'],
    ]
    labels = {column.name: column.label for column in found}
    assert labels['score_injection'] == 'score: injection'


def test_further_columns_can_be_chosen(table):
    found = by_name(card_columns(table, [0], columns=['flux']))
    assert 'flux' in found
    assert 'trained_on' not in found
    assert 'score' in found


@pytest.mark.parametrize('name', ['color', 'sky', 'matrix'])
def test_a_column_that_is_no_list_of_values_is_refused(table, name):
    table['matrix'] = np.zeros((3, 2, 2))
    with pytest.raises(ValueError, match=f'`columns` must name columns.*{name!r} is not one of'):
        card_columns(table, [0], columns=[name])


def test_masked_values_and_bytes_and_catalog_numbers(table):
    table['magnitude'] = MaskedColumn([20.0, 21.0, 22.0], mask=[False, True, False])
    table['type'] = np.array([b'E', b'S0', b'Irr'])
    table['source_id'] = np.array([4295806720 * 10**8 + k for k in range(3)])
    table['infinite'] = [np.inf, 1.0, 2.0]
    found = by_name(card_columns(table, [0, 1, 2]))
    assert found['magnitude'].values == [20.0, None, 22.0]
    assert (found['type'].kind, found['type'].values) == ('text', ['E', 'S0', 'Irr'])
    # More digits than a browser's numbers hold.
    assert found['source_id'].kind == 'text'
    assert found['source_id'].values[1] == '429580672000000001'
    assert found['infinite'].values[0] is None


def test_sky_positions_for_people(table):
    # 53.163 / 15 h = 3 h 32 min 39.12 s
    assert sky_text(table, [2, 0]) == [
        ('03h32m39.12s', '-27d47m31.2s'),
        ('00h40m00.00s', '-00d30m00.0s'),
    ]
    assert sky_text(table['id', 'score'], [0]) is None


def test_other_frames_become_icrs(table):
    table['sky'] = table['sky'].galactic
    assert by_name(card_columns(table, [2]))['sky.ra'].values[0] == pytest.approx(53.163, abs=1e-7)
