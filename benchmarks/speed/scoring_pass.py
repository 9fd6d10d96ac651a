"""
How near the scoring of stamps comes to the speed of its networks alone, on processors or a card.

The shipped model, its encoder's prediction without a search, and simulated stamps of 64 pixels in a
store, in processes of their own with so many threads of TensorFlow. In turns:

* networks alone: encoder, generator, critic twice and classifier, each a graph of its own, over
  arrays in memory: a limit, since all else is left out;
* one graph: networks, smoothing, residual terms and log odds as they are computed, over the same
  arrays, in batches of several sizes;
* in turn: from the store to the measurements, the steps of each part one after the other;
* overlapping: the same as it is done, while the networks compute other parts are read and finished;
* score: with the score, p-values, and all that surrounds them.

    python -m benchmarks.speed.scoring_pass                           # two minutes
    python -m benchmarks.speed.scoring_pass --threads 16 --stamps 100000 --batches 128 512 2048 8192

The second is for a graphics card, which TensorFlow uses if it finds one.
"""

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf

from astro_wgan import StampSet, StampStore, datasets
from astro_wgan.anomaly.measuring.part_measurement import PartMeasurement
from astro_wgan.anomaly.measuring.scoring_pass import ScoringPass
from astro_wgan.simulate import simulate
from benchmarks.harness import BenchmarkParser, Report, in_fresh_process, time_in_turns
from benchmarks.results import Column

COLUMNS = (
    Column('threads', 'of TensorFlow'),
    Column('work', 'what is done'),
    Column('stamps per second', 'by the clock, in the shortest run', '1 / s', ',.0f'),
    Column('of networks', 'that rate, as a fraction of that of the networks alone', '', '.2f'),
    Column('processor time', 'for a stamp, of all processors', 'us', ',.0f'),
)

#: Stamps that are simulated, and repeated.
_DIFFERENT = 1000


def main():
    smoke = {'stamps': 300, 'turns': 1, 'threads': [1], 'batches': [64]}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=7)
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--stamps', type=int, default=4000)
    parser.add_argument('--turns', type=int, default=5)
    parser.add_argument('--threads', type=int, nargs='+', default=[1, 2])
    parser.add_argument('--batches', type=int, nargs='+', default=[128, 512])
    options = parser.parse_args()
    report = Report(options)
    with TemporaryDirectory() as place:
        store = Path(place) / 'stamps.zarr'
        write_stamps(store, options)
        rows = []
        for threads in options.threads:
            rows += in_fresh_process(
                measure_all, store, threads, tuple(options.batches), options.turns
            )
    caption = f'{options.stamps:,} stamps, shortest of {options.turns} runs in turns.'
    report.table('rates', caption, COLUMNS, rows)
    report.write()


def write_stamps(path, options):
    n = min(_DIFFERENT, options.stamps)
    stamps = simulate('normal', n, config=options.config, seed=options.seed)
    k = np.arange(options.stamps) % n
    stamps = StampSet(stamps.pixels[k], unit=stamps.unit, pixel_scale=stamps.pixel_scale)
    StampStore.from_stamps(path, stamps).close()


def measure_all(path, threads, batches, turns):
    """Rows of a process with so many threads."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    # So that libraries of NumPy have no more.
    os.environ['OMP_NUM_THREADS'] = str(threads)
    detector = datasets.load_model()
    with StampStore.open(path) as stamps:
        images, weights = detector.wgan.images_from_stamps(stamps)
        searcher = detector._searcher()
        alone = {
            f'networks alone, batches of {batch}': networks_alone(searcher, images, batch)
            for batch in batches
        }
        contenders = {**alone}
        for batch in batches:
            one = ScoringPass(searcher, detector.scoring)
            one.batch_size = batch
            contenders[f'one graph, batches of {batch}'] = partial(fetch, one, images, weights)
        measurement = PartMeasurement(detector.scoring)
        contenders |= {
            'in turn': partial(measure_in_turn, measurement, searcher, stamps),
            'overlapping': partial(detector.measure, stamps, progress=False),
            'score': partial(detector.score, stamps, progress=False),
        }
        for function in contenders.values():
            function()
        timings = time_in_turns(contenders, turns=turns)
    n, limit = len(images), min(timings[name].shortest for name in alone)
    return [
        {
            'threads': threads,
            'work': name,
            'stamps per second': n / timing.shortest,
            'of networks': limit / timing.shortest,
            'processor time': timing.processor_shortest / n * 1e6,
        }
        for name, timing in timings.items()
    ]


def networks_alone(searcher, images, batch):
    """A function that computes the networks of the pass, and nothing else."""
    wgan, classifier = searcher.wgan, searcher.classifier
    rng = np.random.default_rng(1)
    n, shape = len(images), classifier.network.input_shape[1:]
    inputs = {
        wgan.encoder_: images,
        wgan.generator_: rng.normal(size=(n, wgan.network.latent_dim)).astype(np.float32),
        wgan.critic_: np.concatenate([images, images]),
        classifier.network: rng.normal(size=(classifier.orientations * n, *shape)).astype('f4'),
    }
    graphs = {}
    for network, array in inputs.items():
        spec = tf.TensorSpec((None, *array.shape[1:]))
        function = partial(network, training=False)
        graphs[network] = tf.function(lambda x, f=function: f(x), input_signature=(spec,))

    def compute():
        for network, array in inputs.items():
            # Both orientations of a stamp, and both images of the critic.
            size = batch * len(array) // n
            for k in range(0, len(array), size):
                found = graphs[network](array[k : k + size])
            tf.nest.map_structure(np.asarray, found)

    return compute


def fetch(one, images, weights):
    return [
        {name: np.asarray(values) for name, values in batch.items()}
        for batch in one(images, weights)
    ]


def measure_in_turn(measurement, searcher, stamps):
    size = 4 * searcher.search.batch_size
    for first in range(0, len(stamps), size):
        measurement(searcher, stamps[first : first + size], report=None)


if __name__ == '__main__':
    main()
