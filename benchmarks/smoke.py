"""
Run each benchmark with tiny sizes, so that all keep working: two at a time, in a few minutes.

A benchmark that wants a package, a program or the network that is not here is skipped, with the
reason. Its result must be written and be one that the documentation can show.

    python -m benchmarks.smoke                       # all
    python -m benchmarks.smoke speed.cutting         # some
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import SKIPPED
from benchmarks.index import programs
from benchmarks.results import read_result

#: Packages that must be there.
_OURS = ('astro_wgan', 'benchmarks')


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.smoke',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('names', nargs='*', help='without "benchmarks."; all, unless given')
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--limit', type=float, default=600, help='seconds of one benchmark')
    options = parser.parse_args()
    names = [f'benchmarks.{name}' for name in options.names] or programs()
    unknown = {*names} - {*programs()}
    if unknown:
        parser.error(f'There are no benchmarks {sorted(unknown)}.')
    start = time.monotonic()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(options.processes) as pool:
        run = partial(run_one, folder=Path(folder), limit=options.limit)
        outcomes = [*pool.map(run, names)]
    failed = [name for name, outcome in zip(names, outcomes, strict=True) if outcome == 'failed']
    skipped = outcomes.count('skipped')
    print(
        f'{len(names)} benchmarks in {time.monotonic() - start:.0f} s: '
        f'{outcomes.count("passed")} passed, {skipped} skipped, {len(failed)} failed'
    )
    if failed:
        sys.exit(f'These failed: {", ".join(failed)}.')


def run_one(name, *, folder, limit):
    """Run one benchmark and say what became of it: ``'passed'``, ``'skipped'`` or ``'failed'``."""
    output = folder / f'{name}.json'
    command = [sys.executable, '-m', name, '--smoke', '--output', str(output)]
    environment = {**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '3'}
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
            env=environment,
        )
        status, text = done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        status, text = None, f'{(error.output or b"").decode()}\nIt took more than {limit:.0f} s.'
    outcome, reason = judge(status, text, output)
    told = f'{outcome:8}{name.removeprefix("benchmarks."):38}{time.monotonic() - start:5.0f} s'
    print(f'{told}  {reason}'.rstrip(), flush=True)
    if outcome == 'failed':
        print(text, flush=True)
    return outcome


def judge(status, text, output):
    """What became of a benchmark, and why."""
    last = text.strip().splitlines()[-1] if text.strip() else ''
    if status == SKIPPED:
        return 'skipped', last.removeprefix('Skipped: ')
    missing = re.fullmatch(r"ModuleNotFoundError: No module named '(\w+)[\w.]*'", last)
    if missing and missing[1] not in _OURS:
        return 'skipped', f'{missing[1]} is not installed'
    if re.match(r'ImportError: .*pip install "astro_wgan\[\w+\]"', last):
        return 'skipped', last.removeprefix('ImportError: ')
    if status != 0:
        return 'failed', last
    try:
        tables = read_result(output).tables
    except (OSError, ValueError) as error:
        return 'failed', f'its result cannot be read: {error}'
    return ('passed', '') if tables else ('failed', 'its result has no table')


if __name__ == '__main__':
    main()
