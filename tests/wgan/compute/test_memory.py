"""Memory that is kept between steps."""

import numpy as np
import pytest

from astro_wgan.wgan.compute.memory import _c_library, retain_freed_memory

resource = pytest.importorskip('resource', reason='Only Unix counts the page faults of a process.')


@pytest.fixture
def faults():
    """Counts the page faults of one allocation of 100 MB after another."""
    if _c_library() is None:
        pytest.skip('The C library is not glibc.')

    def fill():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(5):
            np.empty(100_000_000, np.uint8).fill(1)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    # Other threads of the process, such as those of TensorFlow, have faults of their own.
    return lambda: min(fill() for _ in range(3))


def test_freed_memory_is_used_again(faults):
    with retain_freed_memory():
        faults()
        kept = faults()
    # The fill of a fresh 100 MB touches 24,000 pages of 4 kB, or 48 of 2 MB.
    assert kept < 10
    assert faults() > 5 * 48


def test_error_passes_and_gives_memory_back(faults):
    with pytest.raises(ValueError, match='inside'), retain_freed_memory():
        raise ValueError('inside')
    assert faults() > 5 * 48
