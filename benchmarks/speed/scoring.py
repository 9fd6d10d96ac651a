"""
How fast stamps are scored and how well: the paper's search one image at a time, and all others.

One model, one set of simulated stamps (normal, pair, disturbed), one run:

* mu in plain Keras: the paper's procedure, a network of two layers for each image, as public codes
  write it (on few stamps);
* mu, one at a time: the same in this package's graph;
* mu, batched: the same for many images at once;
* free: the latent vector itself, the default for a model without an encoder;
* encoder: from where the model's encoder puts it, to the end, in bfloat16, or for eight steps;
* with Adam: these two as they would be with Adam in the place of BFGS;
* one pass: the encoder alone, nothing is searched; the default for a model with one.

For each the table has stamps per second, how many times the first row that is, the arithmetic done
as a share of a matrix product on this machine, the mean of the loss L_A, its rank correlation with
that of the batched mu, and the ROC area of pairs and of disturbed galaxies against normals: of the
loss, which is the paper's score, and of the default score, whose trends are those of the normals.
The last rows are the whole detector's default, from stamps to the table, by one process and by two,
and its peak memory for few stamps and for many.

    python -m benchmarks.speed.scoring                        # the shipped model; half an hour
    python -m benchmarks.speed.scoring --model FOLDER --stamps 100
    python -m benchmarks.speed.scoring --only-processes      # three minutes
"""

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.table import QTable, Table
from scipy.stats import spearmanr

from astro_wgan import AnomalyDetector, StampSet, StampStore, datasets
from astro_wgan.anomaly import LatentSearch, LatentSearcher, Scoring
from astro_wgan.anomaly.search.latent_search import FIRST_LOOK
from astro_wgan.evaluate import roc_auc
from astro_wgan.simulate import simulate
from astro_wgan.stamps import concatenate
from benchmarks.machine import describe_machine, forward_operations, matrix_product_speed
from benchmarks.speed.keras_search import PlainSearch

KINDS = ('normal', 'pair', 'disturbed')
SEARCHES = {
    'mu, one at a time': LatentSearch(start='mu', batch_size=1),
    'mu, batched': LatentSearch(start='mu'),
    'free, Adam': LatentSearch(optimizer='adam'),
    'free': LatentSearch(),
    'encoder, Adam': LatentSearch(start='encoder', optimizer='adam'),
    'encoder': LatentSearch(start='encoder'),
    'encoder, bfloat16': LatentSearch(start='encoder', precision='mixed_bfloat16'),
    'encoder, 8 steps': LatentSearch(start='encoder', max_iterations=8),
    'one pass': FIRST_LOOK,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--model', help='folder of a detector; the shipped one without')
    parser.add_argument('--recipe', default='benchmark-1')
    parser.add_argument('--stamps', type=int, default=300, help='of each kind, to score')
    parser.add_argument('--single', type=int, default=6, help='stamps scored one at a time')
    parser.add_argument('--many', type=int, default=20_000, help='stamps for two processes')
    parser.add_argument('--only-processes', action='store_true', help='the last rows alone')
    parser.add_argument('--seed', type=int, default=7)
    options = parser.parse_args()
    print(describe_machine())
    folder = options.model or datasets.model_path('simulated_f160w')
    wgan = AnomalyDetector.load(folder).wgan
    stamps = {
        kind: simulate(kind, options.stamps, recipe=options.recipe, seed=options.seed)
        for kind in KINDS
    }
    if not options.only_processes:
        outcomes = run_all(wgan, stamps, options)
        print(table_of(outcomes, wgan, stamps))
    compare_processes(folder, stamps['normal'], options)


@dataclass
class Outcome:
    """What one way to search gave: seconds for each stamp; loss, iterations and z of all."""

    seconds: float
    loss: np.ndarray
    iterations: np.ndarray
    latent: np.ndarray | None


def run_all(wgan, stamps, options):
    everything = concatenate([stamps[kind] for kind in KINDS])
    images, weights = wgan.images_from_stamps(everything)
    # Evenly over all kinds, which take different numbers of iterations.
    few = np.linspace(0, len(images) - 1, options.single).astype(int)
    outcomes = {'mu in plain Keras': run_plain(wgan, images[few])}
    for name, search in SEARCHES.items():
        rows = few if search.batch_size == 1 else np.arange(len(images))
        n = len(rows)
        searcher = LatentSearcher(wgan, search, encoder=wgan.encoder_)
        # The first call also traces the graph.
        first = rows[: 2 * search.batch_size]
        searcher(images[first], weights[first])
        # What takes a part of a second is measured again and again; the shortest time counts.
        seconds = []
        while not seconds or sum(seconds) < 5:
            start = time.perf_counter()
            found = searcher(images[rows], weights[rows])
            seconds.append(time.perf_counter() - start)
        loss = search.gamma * found.residual + (1 - search.gamma) * found.feature
        outcomes[name] = Outcome(min(seconds) / n, loss, found.iterations, found.latent)
        print(f'{name}: {n / min(seconds):.2f} stamps per second', flush=True)
    return outcomes


def run_plain(wgan, images):
    search = PlainSearch(wgan)
    search(images[:1])
    start = time.perf_counter()
    loss, iterations = search(images)
    seconds = (time.perf_counter() - start) / len(images)
    print(f'mu in plain Keras: {1 / seconds:.2f} stamps per second', flush=True)
    return Outcome(seconds, loss, iterations, None)


def table_of(outcomes, wgan, stamps):
    counts = np.cumsum([0, *(len(stamps[kind]) for kind in KINDS)])
    reference = outcomes['mu, batched'].loss
    slowest = outcomes['mu in plain Keras'].seconds
    limit = matrix_product_speed()
    # Forward and backward, to the input alone, cost about the same.
    step = 2 * (forward_operations(wgan.generator_) + forward_operations(wgan.critic_))
    everything = concatenate([stamps[kind] for kind in KINDS])
    rows = []
    for name, outcome in outcomes.items():
        work = step * outcome.iterations.mean() + forward_operations(wgan.encoder_)
        row = {
            'search': name,
            'stamps per second': round(1 / outcome.seconds, 2),
            'times the first': round(slowest / outcome.seconds, 1),
            'of matrix product': round(work / outcome.seconds / limit, 3),
            'iterations': round(float(outcome.iterations.mean()), 1),
        }
        loss = outcome.loss
        if len(loss) == counts[-1]:
            row['loss'] = round(float(loss.mean()), 5)
            row['Spearman'] = round(float(spearmanr(loss, reference).statistic), 4)
            score = default_score(outcome, wgan, everything, counts[1])
            for name, values in (('loss', loss), ('score', score)):
                parts = [values[a:b] for a, b in pairwise(counts)]
                for kind, part in zip(KINDS[1:], parts[1:], strict=True):
                    area, covariance = roc_auc(parts[0], part)
                    text = f'{area[0]:.3f} +- {covariance[0, 0] ** 0.5:.3f}'
                    row[f'AUC of {name}, {kind}'] = text
        rows.append(row)
    names = list(rows[-1])
    table = Table({name: [str(row.get(name, '')) for row in rows] for name in names})
    return '\n'.join(table.pformat(max_lines=-1, max_width=-1))


def default_score(outcome, wgan, stamps, normals):
    """The detector's default score of these closest images; the first rows are the normals."""
    images, weights = wgan.images_from_stamps(stamps)
    closest = wgan.images_from_latent(outcome.latent)
    scoring = Scoring()
    misfit = QTable(scoring.measure(images, closest, weights))
    misfit['closest_flux'] = wgan.stamps_from_images(closest).pixels.sum(axis=(1, 2))
    return scoring.score(misfit, scoring.learn(misfit[:normals]))


def compare_processes(folder, stamps, options):
    """The whole detector over a store, in processes of their own, as a survey is scored."""
    with TemporaryDirectory() as place:
        counts = {'few': options.many // 10, 'many': options.many}
        for name, n in counts.items():
            rows = np.arange(n) % len(stamps)
            copies = StampSet(stamps.pixels[rows], unit=stamps.unit, pixel_scale=stamps.pixel_scale)
            with StampStore.create(Path(place) / f'{name}.zarr', like=copies) as store:
                store.append(copies)
        half = options.many // 2
        alone = [(folder, Path(place) / 'many.zarr', 0, options.many)]
        both = [(folder, Path(place) / 'many.zarr', k * half, (k + 1) * half) for k in (0, 1)]
        few = [(folder, Path(place) / 'few.zarr', 0, counts['few'])]
        results = {
            name: measure_in(work) for name, work in (('few', few), ('one', alone), ('two', both))
        }
    for name, (seconds, memory, n) in results.items():
        print(f'{name}: {n} stamps, {n / seconds:.0f} per second, {memory:.0f} MiB each')
    print(f'two processes: {results["one"][0] / results["two"][0]:.2f} times one')


def measure_in(work):
    """Seconds of the slowest process, memory of the largest, and how many stamps all scored."""
    with ProcessPoolExecutor(len(work), mp_context=get_context('spawn')) as pool:
        found = [*pool.map(measure_part, *zip(*work, strict=True))]
    seconds, memory = (max(values) for values in zip(*found, strict=True))
    return seconds, memory, sum(end - begin for _, _, begin, end in work)


def measure_part(folder, store, begin, end):
    """Seconds and peak memory in MiB for some rows of a store, once all has been loaded."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    detector = AnomalyDetector.load(folder)
    with StampStore.open(store) as stamps:
        detector.measure(stamps[begin : begin + 600], progress=False)
        start = time.perf_counter()
        for first in range(begin, end, 2000):
            detector.measure(stamps[first : min(first + 2000, end)], progress=False)
        seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == '__main__':
    main()
