"""
How fast stamps are scored and how well: the paper's search one image at a time, and all others.

One model, one set of simulated stamps (normal, pair, disturbed), one run:

* mu in plain Keras: the paper's procedure, a network of two layers for each image, as public codes
  write it (on few stamps);
* mu, one at a time: the same in this package's graph;
* mu, batched: the same for many images at once;
* zeros: the latent vector itself, from zeros; the default for a model without an encoder;
* encoder: from where the model's encoder puts it, to the end, in bfloat16, or for eight steps;
* with Adam: these two as they would be with Adam in the place of BFGS;
* encoder only: nothing is searched; the default for a model with one.

For each the table has stamps per second, how many times the first row that is, the arithmetic done
as a fraction of a matrix product on this machine, the mean of the loss L_A, its rank correlation
with that of the batched mu, and the ROC area of pairs and of disturbed galaxies against normals: of
the loss, which is the paper's score, and of the default score, whose trends are those of the
normals. The last rows are the whole detector's default, from stamps to the table, by one process
and by two, and its peak memory for few stamps and for many.

    python -m benchmarks.speed.scoring                        # the shipped model; half an hour
    python -m benchmarks.speed.scoring --model FOLDER --stamps 100
    python -m benchmarks.speed.scoring --only-processes      # three minutes
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from astropy.table import QTable
from scipy.stats import spearmanr

from astro_wgan import AnomalyDetector, StampSet, StampStore, datasets
from astro_wgan.anomaly import ENCODER_ONLY, LatentSearchConfig, LatentSearcher, ScoringConfig
from astro_wgan.evaluate import roc_auc
from astro_wgan.simulate import simulate
from astro_wgan.stamps import concatenate
from benchmarks.arithmetic import forward_operations, matrix_product_speed
from benchmarks.harness import BenchmarkParser, Report, peak_memory, time_in_turns, time_once
from benchmarks.results import Column, estimate
from benchmarks.speed.keras_search import PlainSearch

KINDS = ('normal', 'pair', 'disturbed')
SEARCHES = {
    'mu, one at a time': LatentSearchConfig(init='mu', batch_size=1),
    'mu, batched': LatentSearchConfig(init='mu'),
    'zeros, Adam': LatentSearchConfig(optimizer='adam'),
    'zeros': LatentSearchConfig(),
    'encoder, Adam': LatentSearchConfig(init='encoder', optimizer='adam'),
    'encoder': LatentSearchConfig(init='encoder'),
    'encoder, bfloat16': LatentSearchConfig(init='encoder', precision='mixed_bfloat16'),
    'encoder, 8 steps': LatentSearchConfig(init='encoder', max_iterations=8),
    'encoder only': ENCODER_ONLY,
}


#: What the losses of the others are compared with.
REFERENCE = 'mu, batched'

COLUMNS = (
    Column('search', 'for the latent vector'),
    Column('stamps per second', 'of the shortest run', '1 / s', '.2f'),
    Column('times the first', 'how many times as fast', '', '.1f'),
    Column('iterations', 'in the mean', '', '.1f'),
    Column('loss', 'L_A in the mean', '', '.5f'),
    Column('rank correlation', "Spearman, of the losses with those of 'mu, batched'", '', '.4f'),
    Column('of matrix product', 'arithmetic, as a fraction of that of a matrix product', '', '.3f'),
    *(
        Column(f'AUC of {name}, {kind}', 'area under the ROC curve, against normals', '', '.3f')
        for name in ('loss', 'score')
        for kind in KINDS[1:]
    ),
)
PROCESSES = (
    Column('processes', 'at the same time'),
    Column('stamps', 'that all score', '', ','),
    Column('stamps per second', 'of all', '1 / s', '.0f'),
    Column('peak memory', 'of the largest', 'MiB', '.0f'),
)


def main():
    searches = [REFERENCE, 'encoder, 8 steps', 'encoder only']
    smoke = {'stamps': 3, 'single': 1, 'many': 20, 'least': 0.0, 'searches': searches}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=7)
    parser.add_argument('--model', type=Path, help='folder of a detector; the shipped one without')
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument(
        '--searches',
        nargs='+',
        default=[*SEARCHES],
        choices=SEARCHES,
        metavar='SEARCH',
        help=f'of {", ".join(SEARCHES)}; one must be {REFERENCE!r}',
    )
    parser.add_argument('--stamps', type=int, default=300, help='of each kind, to score')
    parser.add_argument('--single', type=int, default=6, help='stamps scored one at a time')
    parser.add_argument('--many', type=int, default=20_000, help='stamps for two processes')
    parser.add_argument('--least', type=float, default=5.0, help='seconds of timing, at least')
    parser.add_argument('--only-processes', action='store_true', help='the last rows alone')
    options = parser.parse_args()
    report = Report(options)
    folder = options.model or datasets.model_path('simulated_f160w')
    wgan = AnomalyDetector.load(folder).wgan
    stamps = {
        kind: simulate(kind, options.stamps, config=options.config, seed=options.seed)
        for kind in KINDS
    }
    if not options.only_processes:
        outcomes = run_all(wgan, stamps, options)
        caption = f'{options.stamps} normal, pair and disturbed stamps each.'
        report.table('searches', caption, COLUMNS, rows_of(outcomes, wgan, stamps))
    caption = 'The whole detector over a store, from pixels to the table, by processes of one core.'
    report.table('processes', caption, PROCESSES, compare_processes(folder, stamps, options))
    report.write()


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
    for name in options.searches:
        search = SEARCHES[name]
        rows = few if search.batch_size == 1 else np.arange(len(images))
        n = len(rows)
        searcher = LatentSearcher(wgan, search, encoder=wgan.encoder_)
        # The first call also traces the graph.
        first = rows[: 2 * search.batch_size]
        searcher(images[first], weights[first])
        # What takes a part of a second is measured again and again; the shortest time counts.
        results = []
        timing = time_in_turns(
            {name: partial(searcher, images[rows], weights[rows])},
            turns=1,
            least=options.least,
            check=lambda _, found, results=results: results.append(found),
        )[name]
        found = results[-1]
        loss = search.gamma * found.residual_loss + (1 - search.gamma) * found.feature_loss
        outcomes[name] = Outcome(timing.shortest / n, loss, found.iterations, found.latent)
        print(f'{name}: {n / timing.shortest:.2f} stamps per second', flush=True)
    return outcomes


def run_plain(wgan, images):
    search = PlainSearch(wgan)
    search(images[:1])
    (loss, iterations), timing = time_once(search, images)
    seconds = timing.shortest / len(images)
    print(f'mu in plain Keras: {1 / seconds:.2f} stamps per second', flush=True)
    return Outcome(seconds, loss, iterations, None)


def rows_of(outcomes, wgan, stamps):
    counts = np.cumsum([0, *(len(stamps[kind]) for kind in KINDS)])
    reference = outcomes[REFERENCE].loss
    slowest = outcomes['mu in plain Keras'].seconds
    limit = matrix_product_speed()
    # Forward and backward, to the input alone, cost about the same.
    step = 2 * (forward_operations(wgan.generator_) + forward_operations(wgan.critic_))
    everything = concatenate([stamps[kind] for kind in KINDS])
    for search, outcome in outcomes.items():
        work = step * outcome.iterations.mean() + forward_operations(wgan.encoder_)
        row = {
            'search': search,
            'stamps per second': 1 / outcome.seconds,
            'times the first': slowest / outcome.seconds,
            'of matrix product': work / outcome.seconds / limit,
            'iterations': outcome.iterations.mean(),
        }
        loss = outcome.loss
        if len(loss) == counts[-1]:
            row['loss'] = loss.mean()
            row['rank correlation'] = spearmanr(loss, reference).statistic
            score = default_score(outcome, wgan, everything, counts[1])
            for name, values in (('loss', loss), ('score', score)):
                parts = [values[a:b] for a, b in pairwise(counts)]
                for kind, part in zip(KINDS[1:], parts[1:], strict=True):
                    area, covariance = roc_auc(parts[0], part)
                    row[f'AUC of {name}, {kind}'] = estimate(area[0], covariance[0, 0] ** 0.5)
        yield row


def default_score(outcome, wgan, stamps, normals):
    """The detector's default score of these closest images; the first rows are the normals."""
    images, weights = wgan.images_from_stamps(stamps)
    closest = wgan.images_from_latent(outcome.latent)
    scoring = ScoringConfig()
    misfit = QTable(scoring.measure(images, closest, weights))
    misfit['closest_flux'] = wgan.stamps_from_images(closest).pixels.sum(axis=(1, 2))
    return scoring.score(misfit, scoring.fit_trends(misfit[:normals]))


def compare_processes(folder, stamps, options):
    """Rows of the whole detector in processes of their own, as a survey is scored."""
    stamps, rows = stamps['normal'], []
    with TemporaryDirectory() as place:
        counts = {'few': options.many // 10, 'many': options.many}
        for name, n in counts.items():
            k = np.arange(n) % len(stamps)
            copies = StampSet(stamps.pixels[k], unit=stamps.unit, pixel_scale=stamps.pixel_scale)
            with StampStore.create(Path(place) / f'{name}.zarr', like=copies) as store:
                store.append(copies)
        half = options.many // 2
        few = [(folder, Path(place) / 'few.zarr', 0, counts['few'])]
        alone = [(folder, Path(place) / 'many.zarr', 0, options.many)]
        both = [(folder, Path(place) / 'many.zarr', k * half, (k + 1) * half) for k in (0, 1)]
        for work in (few, alone, both):
            seconds, memory, n = measure_in(work)
            rows.append(
                {
                    'processes': len(work),
                    'stamps': n,
                    'stamps per second': n / seconds,
                    'peak memory': memory,
                }
            )
    return rows


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

        def measure():
            for first in range(begin, end, 2000):
                detector.measure(stamps[first : min(first + 2000, end)], progress=False)

        _, timing = time_once(measure)
    return timing.shortest, peak_memory()


if __name__ == '__main__':
    main()
