"""Memory that is kept between steps."""

import subprocess
import sys

import pytest

from astro_wgan.jobs.freed_memory import _c_library, retain_freed_memory

# In a process of its own: page faults are those of all threads, and glibc returns blocks of this
# size to the system at once if they are not those of the main thread, in which a test need not run.
SCRIPT = """
import resource
import numpy as np
from astro_wgan.jobs.freed_memory import retain_freed_memory

def faults():
    'Page faults of one allocation of 100 MB after another.'
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.empty(100_000_000, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

try:
    with retain_freed_memory():
        faults()
        print(faults())
        if fails:
            raise KeyError
except KeyError:
    pass
print(faults())
"""


@pytest.mark.parametrize('fails', [False, True])
def test_freed_memory_is_used_again_until_the_end_or_an_error(fails):
    pytest.importorskip('resource', reason='Only Unix counts the page faults of a process.')
    if _c_library() is None:
        pytest.skip('The C library is not glibc.')
    command = [sys.executable, '-c', f'fails = {fails}\n{SCRIPT}']
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    kept, fresh = (int(line) for line in done.stdout.split())
    # The fill of a fresh 100 MB touches 24,000 pages of 4 kB, or 48 of 2 MB.
    assert kept < 10
    assert fresh > 5 * 48


def test_error_passes():
    with pytest.raises(ValueError, match='inside'), retain_freed_memory():
        raise ValueError('inside')


# A thread of its own has a heap of its own, of which glibc returns the end alone by itself.
RETURNED = """
import threading
import numpy as np
from pathlib import Path
from astro_wgan.jobs.freed_memory import return_freed_memory

kept = []

def resident():
    'Memory in use, in MB.'
    return 4096 * int(Path('/proc/self/statm').read_text().split()[1]) / 1e6

def work():
    blocks = [np.ones(100_000, np.uint8) for _ in range(1000)]
    kept.extend(blocks[::100])

thread = threading.Thread(target=work)
thread.start()
thread.join()
before = resident()
return_freed_memory()
print(before - resident())
"""


def test_freed_memory_between_blocks_in_use_is_returned():
    if _c_library() is None:
        pytest.skip('The C library is not glibc.')
    command = [sys.executable, '-c', RETURNED]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # Of 100 MB, one part in a hundred is in use.
    assert float(done.stdout) > 50
