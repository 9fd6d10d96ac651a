import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.manifest import MANIFEST, atomic_write_together, read_together

NAMES = ('a.txt', 'b.txt', 'c.json')


def write(folder, text, names=NAMES):
    with atomic_write_together(folder, known=NAMES) as place:
        for name in names:
            place(name).write_text(f'{text} astro_wgan {name}')


def state(folder):
    """What the files say together: one word, if they belong together."""
    files = read_together(folder, NAMES)
    files.pop(MANIFEST, None)
    (word,) = {content.split()[0].decode() for content in files.values()}
    return word, sorted(files)


def test_files_are_there_together(tmp_path):
    folder = tmp_path / 'new' / 'set'
    write(folder, 'old')
    assert state(folder) == ('old', list(NAMES))
    write(folder, 'new', NAMES[:2])
    assert state(folder) == ('new', list(NAMES[:2]))
    assert sorted(os.listdir(folder)) == ['a.txt', 'b.txt', MANIFEST]


def test_files_of_others_stay(tmp_path):
    write(tmp_path, 'old')
    (tmp_path / 'thesis.tex').write_text('mine')
    write(tmp_path, 'new')
    assert (tmp_path / 'thesis.tex').read_text() == 'mine'


@pytest.mark.parametrize('name', ['a.txt', 'c.json', MANIFEST])
def test_a_file_of_others_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(
        FileExistsError, match=f'holds a file {name} that is not of an earlier save'
    ):
        write(tmp_path, 'new')
    assert (tmp_path / name).read_text() == '{"mine": 1}'
    assert os.listdir(tmp_path) == [name]


def test_a_file_put_beside_a_set_is_not_replaced(tmp_path):
    write(tmp_path, 'old', NAMES[:2])
    (tmp_path / 'c.json').write_text('{"mine": "astro_wgan"}')
    with pytest.raises(FileExistsError, match=r'holds a file c\.json that is not of an earlier'):
        write(tmp_path, 'new')
    assert state(tmp_path)[0] == 'old'


def test_what_has_become_another_file_since_is_not_removed(tmp_path):
    write(tmp_path, 'old')
    (tmp_path / 'c.json').write_text('{"mine": 1}')
    write(tmp_path, 'new', NAMES[:2])
    assert state(tmp_path) == ('new', list(NAMES[:2]))
    assert (tmp_path / 'c.json').read_text() == '{"mine": 1}'


def test_sets_of_a_former_version_have_no_manifest(tmp_path):
    for name in NAMES:
        (tmp_path / name).write_text(f'former astro_wgan {name}')
    assert state(tmp_path) == ('former', list(NAMES))
    write(tmp_path, 'new', NAMES[:2])
    assert state(tmp_path) == ('new', list(NAMES[:2]))
    assert not (tmp_path / 'c.json').exists()


def test_an_error_leaves_the_former_set_and_nothing_beside(tmp_path):
    write(tmp_path, 'old')

    def break_off():
        with atomic_write_together(tmp_path, known=NAMES) as place:
            place('a.txt').write_text('half')
            raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        break_off()
    assert state(tmp_path)[0] == 'old'
    assert sorted(os.listdir(tmp_path)) == sorted([*NAMES, MANIFEST])


KILLED = """
import os, shutil, sys
import astro_wgan.files.atomic, astro_wgan.files.manifest
from astro_wgan.files.manifest import atomic_write_together

def counted(call):
    def instead(*arguments, **options):
        global steps
        steps -= 1
        if steps < 0:
            os._exit(9)
        return call(*arguments, **options)
    return instead

def write(folder):
    for name in ('replace', 'fsync', 'unlink'):
        setattr(os, name, counted(getattr(os, name)))
    with atomic_write_together(folder, known=('a.txt', 'b.txt', 'c.json')) as place:
        for name in ('a.txt', 'b.txt'):
            place(name).write_text('new astro_wgan')
    os._exit(0)

root, killed = sys.argv[1], True
for steps in range(40):
    if killed:
        folder = os.path.join(root, str(steps))
        shutil.copytree(os.path.join(root, 'before'), folder)
        process = os.fork()
        if process == 0:
            write(folder)
        killed = os.waitpid(process, 0)[1] != 0
sys.exit(killed)
"""


def test_a_kill_at_any_step_leaves_the_former_set_or_the_new_one(tmp_path):
    write(tmp_path / 'before', 'old')
    subprocess.run([sys.executable, '-c', KILLED, tmp_path], check=True)
    shutil.rmtree(tmp_path / 'before')
    found = []
    for folder in sorted(tmp_path.iterdir(), key=lambda path: int(path.name)):
        found.append(state(folder)[0])
        # The next writer finds all in order, and cleans up.
        write(folder, 'next')
        assert state(folder)[0] == 'next'
        assert sorted(os.listdir(folder)) == sorted([*NAMES, MANIFEST])
    # First the former one, from some step on the new one.
    assert found == sorted(found, key=['old', 'new'].index)
    assert {'old', 'new'} == set(found)
    assert len(found) > 10


def test_the_last_of_two_writers_counts(tmp_path):
    with atomic_write_together(tmp_path, known=NAMES) as place:
        place('a.txt').write_text('slow')
        place('b.txt').write_text('slow')
        write(tmp_path, 'quick')
    assert state(tmp_path) == ('slow', list(NAMES[:2]))


def test_readers_beside_writers_see_whole_sets(tmp_path):
    write(tmp_path, 'x0')
    stop, failed = threading.Event(), []

    def write_on(word):
        k = 0
        while not stop.is_set():
            write(tmp_path, f'{word}{k}')
            k += 1

    writers = [threading.Thread(target=write_on, args=(word,)) for word in 'xy']
    for writer in writers:
        writer.start()
    try:
        for _ in range(60):
            try:
                state(tmp_path)
            except (DamagedFileError, ValueError, FileNotFoundError) as error:
                failed.append(str(error))
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert not failed
    assert sorted(os.listdir(tmp_path)) == sorted([*NAMES, MANIFEST])


def test_every_flipped_bit_is_noticed(tmp_path):
    write(tmp_path, 'old')
    rng = np.random.default_rng(1)
    for name in (*NAMES, MANIFEST):
        whole = (tmp_path / name).read_bytes()
        bits = 8 * len(whole)
        for bit in rng.choice(bits, size=min(bits, 200), replace=False):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            (tmp_path / name).write_bytes(flipped)
            with pytest.raises(DamagedFileError, match=name.replace('.', r'\.')):
                read_together(tmp_path, NAMES)
        (tmp_path / name).write_bytes(whole)
    assert state(tmp_path)[0] == 'old'


@pytest.mark.parametrize(('name', 'word'), [('a.txt', b'old'), (MANIFEST, b'bytes')])
def test_changed_ends_of_lines_are_called_by_their_name(tmp_path, name, word):
    write(tmp_path, 'old\nand')
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content.replace(b'\n', b'\r\n'))
    with pytest.raises(DamagedFileError, match=f'line endings of its file {name} .* as git does'):
        read_together(tmp_path, NAMES)
    (tmp_path / name).write_bytes(content.replace(b'\n', b'\r\n').replace(word, b'other', 1))
    with pytest.raises(DamagedFileError, match=rf'its file {name} .* checksum|{name} is damaged'):
        read_together(tmp_path, NAMES)


def test_missing_files_are_named(tmp_path):
    write(tmp_path, 'old')
    (tmp_path / 'b.txt').unlink()
    with pytest.raises(FileNotFoundError, match=r'The file b\.txt in .* is missing, of those in'):
        read_together(tmp_path, NAMES)
    assert list(read_together(tmp_path, ['a.txt'])) == [MANIFEST, 'a.txt']


def test_a_manifest_speaks_of_no_other_folder(tmp_path):
    write(tmp_path, 'old')
    manifest = tmp_path / MANIFEST
    manifest.write_text(manifest.read_text().replace('a.txt', '../a.txt'))
    with pytest.raises(DamagedFileError, match=r'manifest\.json is damaged'):
        read_together(tmp_path, NAMES)


def test_a_full_disk_leaves_the_former_set(tmp_path):
    resource = pytest.importorskip('resource')
    write(tmp_path, 'old')
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, former[1]))
    try:
        # Of a file that fits, and a manifest that does not.
        with pytest.raises(
            OSError, match=r'^The file .*manifest\.json cannot be written: File too'
        ):
            write(tmp_path, 'new')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert state(tmp_path)[0] == 'old'
    assert sorted(os.listdir(tmp_path)) == sorted([*NAMES, MANIFEST])


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    path = tmp_path / 'file'
    path.touch()
    with pytest.raises(FileExistsError, match=r'file cannot be written: File exists'):
        write(path, 'new')


def test_a_file_put_in_the_place_of_a_removed_one_stays(tmp_path):
    for name in NAMES:
        (tmp_path / name).write_text(f'former astro_wgan {name}')
    write(tmp_path, 'old', NAMES[:2])
    (tmp_path / 'c.json').write_text('mine')
    write(tmp_path, 'new', NAMES[:2])
    assert (tmp_path / 'c.json').read_text() == 'mine'
    with pytest.raises(FileExistsError, match=r'c\.json that is not of an earlier save'):
        write(tmp_path, 'newer')
