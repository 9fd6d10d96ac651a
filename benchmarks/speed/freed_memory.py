"""
What it saves to keep freed memory between the iterations of a training (Linux with glibc).

The bundled Hubble eXtreme Deep Field is learned for some iterations by the preset 'compact', with
`astro_wgan.wgan.memory.kept_memory` as it is and without it, each in a process of its own, in turn.
Printed are, for each iteration, the shortest mean time of the runs, the processor time that the
system took of it, and how many pages it had to hand out and fill with zeros.

    python -m benchmarks.speed.freed_memory
    python -m benchmarks.speed.freed_memory --size 32 --iterations 60
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from contextlib import nullcontext

from astropy.table import Table

from benchmarks.machine import describe_machine

WARM_UP = 3


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--iterations', type=int, default=20)
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument('--only', choices=('kept', 'given back'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(measure(options)))
        return
    rows = []
    for _ in range(options.repeats):
        rows += [run(memory) for memory in ('kept', 'given back')]
    best = [
        min((row for row in rows if row['memory'] == memory), key=lambda row: row['seconds'])
        for memory in ('kept', 'given back')
    ]
    print(describe_machine())
    formats = {'seconds': '.3f', 'system seconds': '.3f', 'pages': '.0f'}
    Table(rows=best).write(sys.stdout, format='ascii.fixed_width_two_line', formats=formats)


def run(memory):
    """One training in a process of its own."""
    command = [sys.executable, *sys.argv, '--only', memory]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {'memory': memory, **json.loads(output.splitlines()[-1])}


def measure(options):
    """Seconds and pages of an iteration, those of the first few left out."""
    import keras

    from astro_wgan import WGAN, StampSet, datasets
    from astro_wgan.wgan import training

    if options.only == 'given back':
        training.kept_memory = nullcontext
    marks = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            usage = resource.getrusage(resource.RUSAGE_SELF)
            marks.append((time.perf_counter(), usage.ru_stime, usage.ru_minflt))

    stamps = StampSet.from_image(datasets.load_image('hubble_xdf'), size=options.size)
    iterations = WARM_UP + options.iterations
    wgan = WGAN.preset('compact', size=options.size)
    wgan.fit(stamps, iterations=iterations, progress=False, callbacks=[Clock()])
    first, last = marks[WARM_UP - 1], marks[-1]
    names = ('seconds', 'system seconds', 'pages')
    means = [(b - a) / options.iterations for a, b in zip(first, last, strict=True)]
    return dict(zip(names, means, strict=True))


if __name__ == '__main__':
    main()
