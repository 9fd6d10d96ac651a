"""Files of which blocks are read: the same bytes, few requests, and none twice."""

import io

import numpy as np
import pytest

from astro_wgan.remote import range_files
from astro_wgan.remote.range_files import RangeFile

CONTENT = np.random.default_rng(3).bytes(200_123)


class Source:
    """Content of which ranges are fetched."""

    def __init__(self, content=CONTENT):
        self.content, self.calls = content, []

    def __call__(self, ranges):
        assert all(0 <= start < stop <= len(self.content) for start, stop in ranges)
        self.calls.append(ranges)
        return [self.content[start:stop] for start, stop in ranges]

    @property
    def bytes(self):
        return sum(stop - start for ranges in self.calls for start, stop in ranges)

    def file(self, block_size=1000, key=None):
        key = object() if key is None else key
        return RangeFile(self, len(self.content), key=key, block_size=block_size)


@pytest.mark.parametrize('block_size', [1000, 4096, 300_000])
def test_any_part_is_that_of_the_content(block_size):
    file, same = Source().file(block_size), io.BytesIO(CONTENT)
    rng = np.random.default_rng(0)
    for _ in range(60):
        start, count = int(rng.integers(0, 210_000)), int(rng.integers(0, 9000))
        assert file.seek(start) == same.seek(start)
        assert file.read(count) == same.read(count)
        assert file.tell() == same.tell()
    file.seek(-5000, io.SEEK_END)
    assert file.tell() == len(CONTENT) - 5000
    assert file.read() == CONTENT[-5000:]
    assert file.read(1) == b''
    with pytest.raises(OSError, match='There is no byte -1'):
        file.seek(-1)


def test_what_is_read_in_order_is_read_ahead():
    source = Source()
    file = source.file()
    parts = []
    while part := file.read(700):
        parts.append(part)
    assert b''.join(parts) == CONTENT
    assert source.bytes == len(CONTENT)
    assert len(source.calls) < 12


def test_jumps_read_no_more_than_a_block():
    source = Source()
    file = source.file()
    for start in (150_010, 20_010, 90_010):
        file.seek(start)
        file.read(500)
    assert [ranges for (ranges,) in source.calls] == [
        (150_000, 151_000),
        (20_000, 21_000),
        (90_000, 91_000),
    ]


def test_several_ranges_are_read_at_once_and_adjacent_ones_together():
    source = Source()
    file = source.file()
    file.prefetch([(10, 20), (990, 1010), (5500, 5600), (200_120, 900_000)])
    assert source.calls == [[(0, 2000), (5000, 6000), (200_000, 200_123)]]
    file.seek(5500)
    assert file.read(100) == CONTENT[5500:5600]
    file.prefetch([(0, 2000)])
    assert len(source.calls) == 1


def test_requests_are_not_larger_than_what_may_be_lost(monkeypatch):
    monkeypatch.setattr(range_files, '_LARGEST', 50_000)
    source = Source()
    assert source.file().read() == CONTENT
    assert [len(ranges) for ranges in source.calls] == [5]
    assert max(stop - start for start, stop in source.calls[0]) == 50_000


def test_blocks_are_kept_as_long_as_there_is_room(monkeypatch):
    monkeypatch.setattr(range_files, '_KEPT', 10_000)
    source = Source()
    file = source.file(key='one')
    file.read(5000)
    assert len(source.calls) == 1
    again = source.file(key='one')
    assert again.read(5000) == CONTENT[:5000]
    assert len(source.calls) == 1
    other = source.file(key='changed')
    other.read(8000)
    assert len(source.calls) == 2
    assert range_files._BLOCKS._bytes <= 10_000
    file.seek(0)
    assert file.read(5000) == CONTENT[:5000]
    assert len(source.calls) == 3


def test_prefetch_of_more_than_is_kept_does_nothing(monkeypatch):
    monkeypatch.setattr(range_files, '_KEPT', 10_000)
    source = Source()
    source.file().prefetch([(0, 100_000)])
    assert not source.calls
