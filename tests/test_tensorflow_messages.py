"""Messages of TensorFlow are not seen, errors are, in processes of their own."""

import os
import subprocess
import sys

import pytest

from astro_wgan.tensorflow_messages import is_error

DROPPED = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795997177.580833   11511 port.cc:153] oneDNN custom operations are on.
W0000 00:00:1795997177.581372   11511 gpu_device.cc:2341] Cannot dlopen some GPU libraries.
2026-11-30 00:05:42.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary is
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with flags.
E0000 00:00:1795997177.1  1 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to
E0000 00:00:1795997177.1  1 cuda_driver.cc:152] failed call to cuInit: CUDA_ERROR_NO_DEVICE: none
E0000 00:00:17.1 1 meta_optimizer.cc:967] remapper failed: INVALID_ARGUMENT: Mutation::Apply error
""".splitlines()

KEPT = """\
E0000 00:00:1795997177.580833   11511 bfc_allocator.cc:15] Allocator ran out of memory
F0000 00:00:1795997177.580833   11511 cpu.cc:15] The library was compiled to use AVX instructions
2026-11-30 00:05:42.123456: E tensorflow/core/util.cc:1] out of memory
E0000 00:00:1795997177.1  1 cuda_driver.cc:152] failed call to cuInit: CUDA_ERROR_SYSTEM_DRIVER
Fatal Python error: Segmentation fault
double free or corruption (out)
WARNING: AstropyDeprecationWarning: something [astropy]
Interrupted. The same command goes on from here.
Is this a line?
""".splitlines()

WRITES = """
import os, sys
from astro_wgan.tensorflow_messages import without_messages

with without_messages():
    print('of Python, at once', file=sys.stderr)
    for line in {lines!r}:
        os.write(2, (line + chr(10)).encode())
    {then}
os.write(2, b'I0000 00:00:17.1 1 after it]' + bytes([10]))
print('Python afterwards', file=sys.stderr)
"""


def run(code, *, drop=('TF_CPP_MIN_LOG_LEVEL',), **variables):
    environment = {k: v for k, v in os.environ.items() if k not in drop} | variables
    command = code if isinstance(code, list) else ['-c', code]
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize('line', DROPPED)
def test_messages_are_no_errors(line):
    assert not is_error(line.encode())


@pytest.mark.parametrize('line', KEPT)
def test_other_lines_are_errors(line):
    assert is_error(line.encode())


def test_what_is_written_to_the_descriptor_is_filtered_and_order_is_kept():
    said = run(WRITES.format(lines=[*DROPPED, *KEPT], then='')).stderr.splitlines()
    assert said[0] == 'of Python, at once'
    assert said[1:-2] == KEPT
    # The descriptor is as it was before.
    assert said[-2:] == ['I0000 00:00:17.1 1 after it]', 'Python afterwards']


@pytest.mark.parametrize('then', ['os.abort()', 'os._exit(3)', 'sys.exit(3)', '1 / 0'])
def test_last_words_of_a_process_that_crashes_are_seen(then):
    done = run(WRITES.format(lines=KEPT, then=then))
    assert done.returncode != 0
    # The process that filters may end a moment later, and so holds standard error open until then.
    assert set(KEPT) <= set(done.stderr.splitlines())
    assert ('ZeroDivisionError' in done.stderr) == (then == '1 / 0')


def test_who_asks_for_messages_gets_them():
    said = run(WRITES.format(lines=DROPPED, then=''), TF_CPP_MIN_LOG_LEVEL='0').stderr
    assert set(DROPPED) <= set(said.splitlines())


def test_a_process_without_standard_error_is_left_as_it_is():
    code = """
import sys
from astro_wgan.tensorflow_messages import without_messages
assert sys.stderr is None
with without_messages():
    assert sys.stderr is None
"""
    command = ['/bin/sh', '-c', 'exec "$@" 2>&-', 'sh', sys.executable, '-c', code]
    assert subprocess.run(command, timeout=60).returncode == 0


@pytest.mark.parametrize(('asked', 'are_seen'), [('', True), ('in_notebooks=True', False)])
def test_messages_are_kept_out_of_notebooks_whose_standard_error_is_another(asked, are_seen):
    """Python writes to a stream of its own, as in IPython; the descriptor is shown all the same."""
    code = 'import io, sys' + chr(10) + 'sys.stderr = io.StringIO()' + WRITES
    code = code.replace('without_messages()', f'without_messages({asked})')
    code = code.format(lines=[*DROPPED, *KEPT], then='') + 'print(sys.stderr.getvalue())'
    done = run(code)
    assert done.returncode == 0
    kept = [*DROPPED, *KEPT] if are_seen else KEPT
    assert done.stderr.splitlines() == [*kept, 'I0000 00:00:17.1 1 after it]']
    assert done.stdout.split('\n')[:2] == ['of Python, at once', 'Python afterwards']


def test_a_hunt_in_python_loads_tensorflow_without_its_messages(tmp_path):
    code = f"""
from astro_wgan import hunt
try:
    hunt('ntt_field', output={str(tmp_path / 'out')!r}, model='nowhere')
except (OSError, ValueError) as error:
    print(error)
"""
    done = run(code)
    assert 'nowhere' in done.stdout
    assert all(line.startswith('loading TensorFlow') for line in done.stderr.splitlines())


def test_the_command_loads_tensorflow_without_its_messages(tmp_path):
    done = run(
        ['-m', 'astro_wgan.cli', 'hunt', 'ntt_field', '--model', 'nowhere']
        + ['--output', str(tmp_path / 'out')]
    )
    assert done.returncode == 2
    *progress, error = done.stderr.splitlines()
    assert all(line.startswith('loading TensorFlow') for line in progress)
    assert error.startswith('astro-wgan: ')
    assert 'no detector in nowhere' in error
