"""
What all benchmarks have in common: options, time and memory, and the report of what was found.

    def main():
        parser = BenchmarkParser(__doc__, smoke={'stamps': 100})
        parser.add_argument('--stamps', type=int, default=100_000)
        options = parser.parse_args()
        report = Report(options, 'cutana')
        timings = time_in_turns({'ours': cut, 'theirs': peer}, turns=3)
        rows = [{'program': name, 'time': t.shortest} for name, t in timings.items()]
        report.table('speed', 'Shortest of three runs.', COLUMNS, rows)
        report.write()
"""

import argparse
import atexit
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from astro_wgan.jobs.provenance import versions
from benchmarks.results import Result, Table, provenance_text, table_text, write_result

__all__ = [
    'SKIPPED',
    'BenchmarkParser',
    'Report',
    'Timing',
    'find_machine',
    'in_fresh_process',
    'peak_memory',
    'skip',
    'time_in_turns',
    'time_once',
]

_ROOT = Path(__file__).parents[1]

#: Status of a program that cannot run here, as GNU Automake has it.
SKIPPED = 77


# Options


class BenchmarkParser(argparse.ArgumentParser):
    """
    A parser of the command line with the options that all benchmarks have.

    These are ``--output``, ``--smoke``, and, where asked for, ``--seed`` and ``--work``.

    Parameters
    ----------
    doc : str
        Docstring of the program, which becomes its help; its first sentence is its question.
    smoke : dict, optional
        Values of options with which the program takes seconds: the defaults with ``--smoke``.
    seed : int or None
        Default of ``--seed``; without the option, if None.
    work : str, optional
        Folder in ``benchmarks/work`` where stamps and models are kept for the next run; with
        ``--smoke``, a temporary one.
    """

    def __init__(self, doc, *, smoke=None, seed=1, work=None):
        super().__init__(
            prog=f'python -m {_module_name()}',
            description=doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._question = ' '.join(doc.strip().split('\n\n')[0].split())
        self._smoke = dict(smoke or {})
        self._work = work
        if seed is not None:
            self.add_argument('--seed', type=int, default=seed)
        if work is not None:
            default = _ROOT / 'benchmarks' / 'work' / work
            self.add_argument('--work', type=Path, default=default, help='folder of what is kept')
        self.add_argument('--output', type=Path, help='write the result as JSON into this file')
        self.add_argument('--smoke', action='store_true', help='tiny sizes: does it run at all?')

    def parse_args(self, arguments=None):
        """The options; `Report` needs those with which the program was called, too."""
        arguments = sys.argv[1:] if arguments is None else arguments
        if '--smoke' in arguments:
            unknown = self._smoke.keys() - {action.dest for action in self._actions}
            if unknown:
                raise ValueError(f'`smoke` must hold values of options; {unknown} are none.')
            self.set_defaults(**self._smoke)
            if self._work is not None:
                folder = tempfile.mkdtemp()
                atexit.register(shutil.rmtree, folder, ignore_errors=True)
                self.set_defaults(work=Path(folder))
        options = super().parse_args(arguments)
        if self._work is not None:
            options.work.mkdir(parents=True, exist_ok=True)
        options.benchmark = _module_name().removeprefix('benchmarks.')
        options.question = self._question
        options.command = f'python -m {_module_name()}{self._told(options)}'
        return options

    def _told(self, options):
        """Options that are not the defaults, as on the command line; paths are nobody's affair."""
        told = ''
        for action in self._actions:
            value = getattr(options, action.dest, action.default)
            if action.type is Path or value == action.default:
                continue
            values = value if isinstance(value, list) else [value]
            words = [] if value is True else [f'"{v}"' if ' ' in str(v) else str(v) for v in values]
            told += ' ' + ' '.join([*action.option_strings[:1], *words])
        return told


def skip(reason):
    """End the program, since it cannot run here; the smoke test shows the reason."""
    print(f'Skipped: {reason}', file=sys.stderr)
    raise SystemExit(SKIPPED)


def _module_name():
    """Name of the program that runs, such as ``benchmarks.speed.cutting``."""
    spec = sys.modules['__main__'].__spec__
    return 'benchmarks' if spec is None else spec.name.removesuffix('.__main__')


# Time and memory


@dataclass(frozen=True)
class Timing:
    """
    Seconds of each run.

    Attributes
    ----------
    seconds, processor_seconds : tuple of float
        By the clock, and of the processors, child processes that have ended included.
    """

    seconds: tuple
    processor_seconds: tuple

    @property
    def shortest(self):
        return min(self.seconds)

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def processor_shortest(self):
        return min(self.processor_seconds)


def time_once(function, *arguments, **options):
    """What a function returns, and the `Timing` of that run."""
    first = _clocks()
    found = function(*arguments, **options)
    seconds, processor_seconds = (b - a for a, b in zip(first, _clocks(), strict=True))
    return found, Timing((seconds,), (processor_seconds,))


def time_in_turns(contenders, *, turns=3, least=0.0, warm_up=False, check=None, during=None):
    """
    Time functions in turns, so that what else the machine does concerns all of them alike.

    Parameters
    ----------
    contenders : dict of callable
        Functions without arguments by name.
    turns : int
        How often it is each one's turn.
    least : float
        Seconds that a turn lasts at least: the function is called and timed again until then.
    warm_up : bool
        Whether each turn begins with a call that is not timed.
    check : callable, optional
        Called with the name and what the function returned, outside of the time; it raises if
        that is wrong.
    during : callable, optional
        From a name to a context manager that surrounds a turn.

    Returns
    -------
    dict of `Timing`
    """
    runs = {name: [] for name in contenders}
    for _ in range(turns):
        for name, function in contenders.items():
            with nullcontext() if during is None else during(name):
                if warm_up:
                    function()
                end = time.perf_counter() + least
                while True:
                    found, timing = time_once(function)
                    runs[name].append(timing)
                    if check is not None:
                        check(name, found)
                    del found
                    if time.perf_counter() >= end:
                        break
    return {
        name: Timing(
            tuple(run.shortest for run in each), tuple(run.processor_shortest for run in each)
        )
        for name, each in runs.items()
    }


def peak_memory(*, children=False):
    """
    Largest memory in use so far, in MiB.

    Parameters
    ----------
    children : bool
        Whether that of the largest child process that has ended is meant, not that of this one.
    """
    if not children:
        try:
            # getrusage has the peak of the process that started this one, if that is larger.
            with open('/proc/self/status') as lines:
                return next(int(s.split()[1]) for s in lines if s.startswith('VmHWM')) / 1024
        except (OSError, StopIteration):
            pass
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    # Bytes on macOS, KiB elsewhere.
    return resource.getrusage(who).ru_maxrss / (1024**2 if sys.platform == 'darwin' else 1024)


def in_fresh_process(function, *arguments):
    """What a function of a module returns in a new process, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def _clocks():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + children.ru_utime + children.ru_stime


# Report


class Report:
    """
    What a benchmark finds: shown as it comes, and written when all is there.

    Parameters
    ----------
    options : `argparse.Namespace`
        Of a `BenchmarkParser`.
    *packages : str
        Packages in play, beside those that `astro_wgan` always needs.
    """

    def __init__(self, options, *packages):
        self._options, self._packages = options, packages
        self._tables, self._notes = [], []
        print(provenance_text(self.result()), flush=True)

    def note(self, text):
        """Say a sentence."""
        self._notes.append(text)
        print(f'\n{text}', flush=True)

    def table(self, name, caption, columns, rows):
        """
        Show a table.

        Parameters
        ----------
        name, caption : str
            Name within the result, and a sentence.
        columns : iterable of `~benchmarks.results.Column`
        rows : iterable of dict
            Cells by column.
        """
        rows = tuple({key: _plain(cell) for key, cell in row.items()} for row in rows)
        table = Table(name, caption, tuple(columns), rows)
        self._tables.append(table)
        print(f'\n{caption}\n\n{table_text(table)}', flush=True)

    def result(self):
        """All of it, as a `~benchmarks.results.Result`."""
        return Result(
            benchmark=self._options.benchmark,
            question=self._options.question,
            command=self._options.command,
            date=f'{datetime.now(UTC):%Y-%m-%d}',
            machine=find_machine(),
            versions=versions(*self._packages),
            commit=_commit(),
            notes=tuple(self._notes),
            tables=tuple(self._tables),
        )

    def write(self):
        """Into the file of ``--output``, if it was given."""
        if self._options.output is not None:
            write_result(self.result(), self._options.output)


def find_machine():
    """``processor``, number of ``cores`` and, where TensorFlow is in use, ``accelerator``."""
    try:
        with open('/proc/cpuinfo') as lines:
            processor = next(s.split(':')[1].strip() for s in lines if s.startswith('model name'))
    except (OSError, StopIteration):
        processor = 'unknown processor'
    return {'processor': processor, 'cores': os.cpu_count(), 'accelerator': _accelerator()}


def _accelerator():
    """Name of the graphics card that TensorFlow sees, if it has been imported."""
    if 'tensorflow' not in sys.modules:
        return None
    config = sys.modules['tensorflow'].config
    cards = config.list_physical_devices('GPU')
    names = [config.experimental.get_device_details(card).get('device_name') for card in cards]
    return ', '.join(filter(None, names)) or None


def _commit():
    """What the files of this checkout are, or None outside of a repository."""
    command = ['git', '-C', str(_ROOT), 'describe', '--always', '--dirty=+', '--exclude=*']
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _plain(cell):
    """A cell without the types of NumPy; what is not a number is null."""
    if isinstance(cell, dict):
        cell = {key: _plain(value) for key, value in cell.items()}
        return None if cell['value'] is None else cell
    cell = cell.item() if hasattr(cell, 'item') else cell
    return None if isinstance(cell, float) and cell != cell else cell
