"""
What it saves to keep freed memory between the iterations of a training (Linux with glibc).

The bundled Hubble eXtreme Deep Field is learned for some iterations by the preset 'compact', with
`astro_wgan.jobs.freed_memory.retain_freed_memory` and without it, each in a process of its own,
in turn.
Printed are, for each iteration, the shortest mean time of the runs, the processor time that the
system took of it, and how many pages it had to hand out and fill with zeros.

    python -m benchmarks.speed.freed_memory
    python -m benchmarks.speed.freed_memory --size 32 --iterations 60
"""

import resource
import time
from contextlib import nullcontext

from benchmarks.harness import BenchmarkParser, Report, in_fresh_process
from benchmarks.results import Column

WARM_UP = 3

COLUMNS = (
    Column('memory', 'whether freed memory is kept'),
    Column('time', 'of an iteration', 's', '.3f'),
    Column('system time', 'of the processors, for an iteration', 's', '.3f'),
    Column('pages', 'that the system handed out in an iteration', '', ',.0f'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'size': 16, 'iterations': 2, 'repeats': 1}, seed=None)
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--iterations', type=int, default=20)
    parser.add_argument('--repeats', type=int, default=2)
    options = parser.parse_args()
    report = Report(options)
    runs = {'kept': [], 'given back': []}
    for _ in range(options.repeats):
        for memory, found in runs.items():
            means = in_fresh_process(measure, memory == 'kept', options.size, options.iterations)
            found.append({'memory': memory, **means})
    rows = [min(found, key=lambda row: row['time']) for found in runs.values()]
    report.table('iteration', 'Means over a training; the shortest of the runs.', COLUMNS, rows)
    report.write()


def measure(kept, size, iterations):
    """Seconds and pages of an iteration, those of the first few left out."""
    import keras

    from astro_wgan import WGAN, StampSet, datasets
    from astro_wgan.wgan import training

    if not kept:
        training.retain_freed_memory = nullcontext
    marks = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            usage = resource.getrusage(resource.RUSAGE_SELF)
            marks.append((time.perf_counter(), usage.ru_stime, usage.ru_minflt))

    stamps = StampSet.from_image(datasets.load_image('hubble_xdf'), size=size)
    wgan = WGAN.preset('compact', size=size)
    wgan.fit(stamps, iterations=WARM_UP + iterations, progress=False, callbacks=[Clock()])
    first, last = marks[WARM_UP - 1], marks[-1]
    names = ('time', 'system time', 'pages')
    means = [(b - a) / iterations for a, b in zip(first, last, strict=True)]
    return dict(zip(names, means, strict=True))


if __name__ == '__main__':
    main()
