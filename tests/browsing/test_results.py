import numpy as np
import pytest
from astropy.table import QTable

from astro_wgan import StampStore
from astro_wgan.browsing import Results
from astro_wgan.browsing.results_view import ResultsView
from astro_wgan.exceptions import SurveyFolderError
from astro_wgan.jobs import Fingerprint
from astro_wgan.surveying.part_tables import write_part
from astro_wgan.surveying.survey_folder import SurveyFolder
from tests.browsing.example_results import make_stamps, make_table


def bright_pixels(stamps):
    pixels = stamps.pixels.reshape(len(stamps), -1)
    return pixels.argmax(axis=1).tolist()


def test_rows_are_in_the_order_of_ranks(table):
    results = Results.open(table, stamps=make_stamps(table))
    assert results.table['rank'].tolist() == list(range(1, 151))
    assert bright_pixels(results.stamps.read(np.arange(150))) == np.argsort(table['rank']).tolist()


def test_without_ranks_by_score_and_without_scores_as_given(table):
    by_rank = Results.open(table, stamps=make_stamps(table)).table['id'].tolist()
    table.remove_column('rank')
    table['score'] = np.where(table['score'] == table['score'].min(), np.nan, table['score'])
    by_score = Results.open(table, stamps=make_stamps(table)).table['id'].tolist()
    assert by_score == by_rank
    table.remove_column('score')
    as_given = Results.open(table, stamps=make_stamps(table)).table['id'].tolist()
    assert as_given == table['id'].tolist()


@pytest.mark.parametrize('kind', ['ecsv', 'fits', 'parquet'])
def test_files_of_tables_are_opened(kind, table, tmp_path):
    path = tmp_path / f'scores.{kind}'
    write_part(path, table) if kind == 'parquet' else table.write(path)
    StampStore.from_stamps(tmp_path / 'some.zarr', make_stamps(table)).close()
    results = Results.open(path, stamps=tmp_path / 'some.zarr')
    assert results.table['rank'].tolist() == list(range(1, 151))
    assert (results.title, results.folder) == ('scores', tmp_path)
    assert results.table['flux'].mask.sum() == table['flux'].mask.sum() > 0


def hunt_folder(path, table):
    path.mkdir()
    table.write(path / 'scores.ecsv')
    StampStore.from_stamps(path / 'stamps.zarr', make_stamps(table)).close()
    return path


def test_folders_of_hunts_are_opened(table, tmp_path):
    results = Results.open(hunt_folder(tmp_path / 'xdf', table))
    assert (len(results), results.title, results.model) == (150, 'xdf', None)
    assert results.stamps.known.all()


def survey_folder(path, table, stamps=None):
    folder = SurveyFolder(path)
    folder.claim(Fingerprint({}))
    table = table[np.argsort(table['rank'])]
    write_part(folder.ranking, table)
    if stamps is not None:
        StampStore.from_stamps(folder.strangest, stamps).close()
    return folder


def test_folders_of_surveys_have_the_strangest_stamps(table, tmp_path):
    stamps = make_stamps(table)[np.argsort(table['rank'])[:40]]
    survey_folder(tmp_path / 'survey', table, stamps)
    results = Results.open(tmp_path / 'survey')
    assert results.stamps.known.tolist() == [True] * 40 + [False] * 110
    expected = np.argsort(table['rank'])[:40].tolist()
    assert bright_pixels(results.stamps.read(np.arange(40))) == expected


def test_folders_of_surveys_that_keep_all_stamps_have_them_by_tile(table, tmp_path):
    folder = survey_folder(tmp_path / 'survey', table)
    stamps = make_stamps(table)
    for tile in ('north', 'south'):
        rows = np.flatnonzero(table['tile'] == tile)
        StampStore.from_stamps(folder.stamps_of(tile), stamps[rows[::-1]]).close()
    results = Results.open(tmp_path / 'survey')
    rows = np.array([149, 3, 77, 4])  # of both tiles, in any order
    assert len({*results.table['tile'][rows].tolist()}) == 2
    expected = np.argsort(table['rank'])[rows].tolist()
    assert bright_pixels(results.stamps.read(rows)) == expected


def test_folders_without_results_are_refused(table, tmp_path):
    with pytest.raises(FileNotFoundError, match='There is no file or folder'):
        Results.open(tmp_path / 'none')
    with pytest.raises(ValueError, match='neither the scores of a completed hunt'):
        Results.open(tmp_path)
    survey_folder(tmp_path / 'survey', table)
    with pytest.raises(ValueError, match='kept no stamps: repeat it with `keep_stamps`'):
        Results.open(tmp_path / 'survey')
    SurveyFolder(tmp_path / 'new').claim(Fingerprint({}))
    with pytest.raises(ValueError, match='no ranked sources yet'):
        Results.open(tmp_path / 'new')
    (tmp_path / 'new' / 'survey.json').write_text('{')
    with pytest.raises((ValueError, SurveyFolderError)):
        Results.open(tmp_path / 'new')


def test_tables_need_ids_and_stamps(table):
    stamps = make_stamps(table)
    with pytest.raises(ValueError, match='`stamps` must be given'):
        Results.open(table)
    with pytest.raises(ValueError, match='must have a column `id`; it has score'):
        Results.open(table['score', 'rank'], stamps=stamps)
    with pytest.raises(ValueError, match='at least one row; it is empty'):
        Results.open(table[:0], stamps=stamps)
    table['id'][1] = table['id'][0]
    with pytest.raises(ValueError, match='a different value for each row'):
        Results.open(table, stamps=stamps)


@pytest.mark.parametrize(
    ('name', 'values', 'message'),
    [
        ('id', np.ma.array(np.arange(150), mask=np.arange(150) == 3), '1 are masked'),
        ('id', np.where(np.arange(150) == 3, np.nan, np.arange(150.0)), 'finite numbers'),
        ('id', np.array([f'{k}' * (k != 3) for k in range(150)]), 'texts of 1 to 1000 characters'),
        ('rank', np.zeros((150, 2)), 'rank.* one real number per row'),
        ('rank', np.full(150, 'first'), 'rank.* one real number per row'),
        ('score', np.zeros((150, 2)), 'score.* one real number per row'),
        ('score', np.zeros(150, complex), 'score.* one real number per row'),
    ],
)
def test_what_cannot_be_ranked_or_labeled_is_refused(name, values, message, table):
    stamps = make_stamps(table)
    if name == 'score':
        del table['rank']
    table[name] = values
    with pytest.raises(ValueError, match=message):
        Results.open(table, stamps=stamps)


def test_models_and_folders_of_labels_that_are_not_there_are_told_at_once(table, tmp_path):
    stamps = make_stamps(table)
    with pytest.raises(FileNotFoundError, match='There is no model in'):
        Results.open(table, stamps=stamps, model=tmp_path)
    with pytest.raises(ValueError, match='`model` must be an AnomalyDetector'):
        Results.open(table, stamps=stamps, model=5)
    with pytest.raises(FileNotFoundError, match='There is no folder'):
        ResultsView(Results.open(table, stamps=stamps), labels=tmp_path / 'none' / 'labels.jsonl')


def test_stamps_of_other_sources_are_refused(table):
    other = make_table()
    other['id'] = np.arange(150)
    with pytest.raises(ValueError, match='none of its 150 ids is among the 150 of the table'):
        Results.open(table, stamps=make_stamps(other))


def test_stamps_are_matched_by_id(table):
    stamps = make_stamps(table)
    results = Results.open(table, stamps=stamps[[140, 20, 90]])
    assert results.stamps.known.sum() == 3
    rows = np.flatnonzero(results.stamps.known)
    assert bright_pixels(results.stamps.read(rows)) == np.argsort(table['rank'])[rows].tolist()


def test_other_results_have_another_version(table):
    stamps = make_stamps(table)
    version = Results.open(table, stamps=stamps).version
    assert Results.open(table.copy(), stamps=stamps).version == version
    other = QTable(table, copy=True)
    other['score'][3] += 1e-3
    assert Results.open(other, stamps=stamps).version != version
    assert Results.open(table, stamps=make_stamps(table, seed=5)).version != version
