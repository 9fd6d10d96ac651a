"""False bytes in a file of each kind end in a sentence: no crash, no hang, no other error."""

import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).with_name('readers.py')


@pytest.fixture(scope='module')
def readers():
    spec = importlib.util.spec_from_file_location('readers', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: How many false files of each kind are read. HDF5 is read by processes, networks are built anew.
COUNTS = {
    'fits': 75,
    'fits of many': 50,
    'fits.gz': 25,
    'RICE_1': 75,
    'HCOMPRESS_1': 75,
    'PLIO_1': 40,
    'GZIP_2': 40,
    'png': 40,
    'jpeg': 40,
    'tiff': 40,
    'gif': 40,
    'ecsv': 30,
    'csv': 30,
    'table in fits': 30,
    'parquet': 100,
    'results in fits': 40,
    'results in votable': 40,
    'results in parquet': 40,
    'stamps in fits': 40,
    'stamps as images': 40,
    'hats': 60,
    'light map': 30,
    'particles': 6,
    'snapshot': 5,
    'sublink': 5,
    'ytree': 10,
    'arrays': 50,
    'resume file': 30,
    'labels': 200,
    'hunt folder': 30,
    'store': 30,
    'model': 4,
    'detector': 4,
}

_NEEDS = dict.fromkeys(('particles', 'snapshot', 'sublink'), 'h5py')
_NEEDS |= {
    'ytree': 'ytree',
    'parquet': 'pyarrow',
    'hats': 'pyarrow',
    'results in parquet': 'pyarrow',
}


def test_each_reader_is_tried(readers):
    assert {*COUNTS} == {*readers.READERS}


@pytest.mark.parametrize('name', COUNTS)
def test_false_files_are_refused_in_a_sentence(readers, name):
    if name in _NEEDS:
        pytest.importorskip(_NEEDS[name])
    counts, wrong = readers.run(name, 0, COUNTS[name])
    assert not wrong, '\n'.join(wrong)
    assert sum(counts.values()) == COUNTS[name]
    # Bytes that are changed matter: a reader that takes everything reads nothing of it.
    assert counts['refused']
