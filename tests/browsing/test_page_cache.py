import errno
import os
import pickle
import shutil

import numpy as np
import pytest

from astro_wgan import StampStore
from astro_wgan.browsing import Results
from astro_wgan.browsing.pictures import page_cache
from astro_wgan.browsing.pictures.page_cache import PageCache
from astro_wgan.browsing.results_view import ResultsView
from tests.browsing.example_results import asking, make_stamps, until_done


@pytest.fixture
def folder(table, tmp_path):
    """Results in a folder."""
    table.write(tmp_path / 'scores.ecsv')
    StampStore.from_stamps(tmp_path / 'stamps.zarr', make_stamps(table)).close()
    return tmp_path


def opened(folder):
    return asking(ResultsView(Results.open(folder)))


def test_sheets_are_kept_beside_the_results(folder):
    first = opened(folder)('/api/sheet/0?picture=input')
    again = ResultsView(Results.open(folder))
    shutil.rmtree(folder / 'stamps.zarr')
    assert asking(again)('/api/sheet/0?picture=input') == first


@pytest.mark.parametrize(
    'damage', [lambda content: b'', lambda content: content[:200], lambda content: b'<html>']
)
def test_damaged_sheets_are_made_anew(damage, folder):
    path = '/api/sheet/0?picture=input'
    view = ResultsView(Results.open(folder))
    first = asking(view)(path)
    kept = folder / '.browsing' / view.version / 'input-000000.png'
    kept.write_bytes(damage(first.content))
    assert opened(folder)(path).content == first.content == kept.read_bytes()


def test_a_store_that_is_gone_is_told_in_a_sentence(folder):
    ask = opened(folder)
    assert ask('/api/sheet/0?picture=input').status == 200
    shutil.rmtree(folder / 'stamps.zarr')
    for path in ('/api/sheet/1?picture=input', '/api/picture/0/input', '/api/cells?rows=149'):
        answer = ask(path)
        assert answer.status == 503
        assert 'stamps.zarr' in answer.json['error']
    # What needs no stamps goes on.
    assert ask('/api/order').status == 200
    assert ask('/api/labels', {'rows': [1], 'label': 'artifact'}).status == 200


def test_results_of_another_run_have_other_files(folder, table):
    first = opened(folder)('/api/sheet/0?picture=input')
    table['score'] = table['score'][::-1]
    table['rank'] = table['rank'][::-1]
    table.write(folder / 'scores.ecsv', overwrite=True)
    assert opened(folder)('/api/sheet/0?picture=input').content != first.content


def test_pictures_that_are_shown_otherwise_have_other_files(folder):
    path = '/api/sheet/0?picture=input'
    first = opened(folder)(path)
    upside_down = asking(ResultsView(Results.open(folder), origin='upper'))(path)
    assert upside_down.content != first.content
    assert len(list((folder / '.browsing').iterdir())) == 2


def test_where_nothing_can_be_written_files_are_in_a_temporary_folder(folder):
    (folder / '.browsing').write_text('a file')
    view = ResultsView(Results.open(folder))
    ask = asking(view)
    temporary = view.sheets._cache.folder
    assert folder not in temporary.parents
    assert ask('/api/sheet/0?picture=input').status == 200
    assert list(temporary.glob('*.png'))


def test_temporary_folders_end_with_their_cache():
    cache = PageCache(None, 'v')
    folder = cache.folder
    cache.write('a', b'x')
    assert cache.read('a') == b'x'
    del cache
    assert not folder.exists()


def test_a_full_disk_keeps_no_page_from_being_shown(folder, monkeypatch):
    ask = opened(folder)

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(page_cache, 'atomic_write', full)
    assert ask('/api/sheet/0?picture=input').status == 200


def test_files_take_no_more_than_the_limit(tmp_path):
    cache = PageCache(tmp_path, 'v', largest=100)
    cache.write('a', b'x' * 60)
    cache.write('b', b'x' * 60)
    cache.write('c', b'x' * 30)
    assert [cache.read(name) is not None for name in 'abc'] == [True, False, True]
    again = PageCache(tmp_path, 'v', largest=100)
    again.write('d', b'x' * 30)
    assert again.read('d') is None


@pytest.mark.skipif(os.name != 'posix', reason='needs named pipes')
def test_pipes_and_links_in_the_folder_of_others_are_not_followed(tmp_path):
    cache = PageCache(tmp_path / 'results', 'v')
    os.mkfifo(cache.folder / 'a')
    assert cache.read('a') is None  # and does not wait for a writer
    elsewhere = tmp_path / 'elsewhere'
    elsewhere.mkdir()
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / '.browsing').symlink_to(elsewhere)
    PageCache(tmp_path / 'other', 'v').write('a', b'x')
    assert list(elsewhere.iterdir()) == []


class Attack:
    def __reduce__(self):
        return os.mkdir, (os.environ['ATTACKED'],)


def test_no_file_of_the_folder_is_unpickled(folder, monkeypatch, tmp_path):
    """Features that somebody has put there as a pickle are refused, and measured anew."""
    attacked = tmp_path / 'attacked'
    monkeypatch.setenv('ATTACKED', str(attacked))
    (tmp_path / 'manifest.json').touch()
    view = ResultsView(Results.open(folder, model=tmp_path))
    features = np.random.default_rng(1).normal(size=(150, 3)).astype(np.float32)
    view.space._networks.wait = lambda: None
    row_of = {name: row for row, name in enumerate(view.ids)}
    view.space._networks.features = lambda stamps: features[[row_of[name] for name in stamps.ids]]
    content = np.empty(150, dtype=object)
    content[:] = [Attack()] * 150
    path = view.space._kept.cache.folder / 'features-00000.npz'
    np.savez(path, features=content)
    assert until_done(asking(view), '/api/order?by=similar:0').status == 200
    assert not attacked.exists()
    with open(path, 'rb') as file:
        assert file.read(2) == b'PK'
    np.testing.assert_array_equal(np.load(path)['features'], features)
    pickle.loads(pickle.dumps(Attack()))
    assert attacked.exists()  # the attack would have worked
