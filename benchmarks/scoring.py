"""
How fast stamps are scored and how well: the paper's search one image at a time, and all others.

One model, one set of simulated stamps (normal, pair, disturbed), one run:

* mu, one at a time: the paper's procedure, a network of two layers for each image (on few stamps);
* mu, batched: the same for many images at once;
* free: the latent vector itself, the default;
* encoder: from where an encoder puts it;
* one pass: the encoder alone, nothing is searched.

For each the table has stamps per second, how many times the first row that is, the arithmetic done
as a share of a matrix product on this machine, the mean loss L_A, the rank correlation of the score
with that of the batched mu, and the ROC area of pairs and of disturbed galaxies against normals.
The model is read from a folder, or trained for some minutes on simulated normals.

    python benchmarks/scoring.py                        # half an hour
    python benchmarks/scoring.py --model FOLDER --stamps 100
"""

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from astropy.table import Table
from machine import describe_machine, forward_operations, matrix_product_speed
from scipy.stats import spearmanr

from astro_wgan import WGAN
from astro_wgan.anomaly import EncoderConfig, LatentSearch, LatentSearcher, train_encoder
from astro_wgan.datasets import simulate
from astro_wgan.evaluate import roc_auc
from astro_wgan.stamps import concatenate

KINDS = ('normal', 'pair', 'disturbed')
SEARCHES = {
    'mu, one at a time': LatentSearch(start='mu', batch_size=1),
    'mu, batched': LatentSearch(start='mu'),
    'free': LatentSearch(),
    'encoder': LatentSearch(start='encoder'),
    'one pass': LatentSearch(start='encoder', max_iterations=1),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--model', help='folder of a saved WGAN; trained here without it')
    parser.add_argument('--recipe', default='benchmark-1')
    parser.add_argument('--normals', type=int, default=4000, help='to train on')
    parser.add_argument('--minutes', type=float, default=10, help='of training')
    parser.add_argument('--stamps', type=int, default=300, help='of each kind, to score')
    parser.add_argument('--single', type=int, default=6, help='stamps scored one at a time')
    parser.add_argument('--encoder-iterations', type=int, default=1000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    print(describe_machine())
    normals = draw('normal', options.normals, options.seed, options)
    wgan = load_or_train(normals, options)
    config = EncoderConfig(iterations=options.encoder_iterations)
    start = time.perf_counter()
    encoder = train_encoder(wgan, normals, config=config, seed=options.seed)
    print(f'The encoder was trained for {time.perf_counter() - start:.0f} s.')
    stamps = {kind: draw(kind, options.stamps, options.seed + 1, options) for kind in KINDS}
    outcomes = run_all(wgan, encoder, stamps, options)
    print(table_of(outcomes, wgan, encoder, stamps))


def draw(kind, n, seed, options):
    """Simulated stamps, of the size that the model works on."""
    return simulate(kind, n, recipe=options.recipe, seed=seed)


def load_or_train(normals, options):
    if options.model:
        return WGAN.load(options.model)
    wgan = WGAN.preset('compact', size=normals.shape[0])
    return wgan.fit(normals, minutes=options.minutes, seed=options.seed)


@dataclass
class Outcome:
    """What one way to search gave: seconds for each stamp, and the results of the search."""

    seconds: float
    found: object
    search: LatentSearch


def run_all(wgan, encoder, stamps, options):
    everything = concatenate([stamps[kind] for kind in KINDS])
    images, weights = wgan.images_from_stamps(everything)
    outcomes = {}
    for name, search in SEARCHES.items():
        n = options.single if search.batch_size == 1 else len(images)
        # Evenly over all kinds, which take different numbers of iterations.
        rows = np.linspace(0, len(images) - 1, n).astype(int)
        searcher = LatentSearcher(wgan, search, encoder=encoder)
        # The first call also traces the graph.
        few = np.arange(min(n, 2 * search.batch_size, len(images)))
        searcher(images[few], weights[few])
        start = time.perf_counter()
        found = searcher(images[rows], weights[rows])
        outcomes[name] = Outcome((time.perf_counter() - start) / n, found, search)
        print(f'{name}: {1 / outcomes[name].seconds:.2f} stamps per second', flush=True)
    return outcomes


def table_of(outcomes, wgan, encoder, stamps):
    counts = np.cumsum([0, *(len(stamps[kind]) for kind in KINDS)])
    reference = loss_of(outcomes['mu, batched'])
    slowest = outcomes['mu, one at a time'].seconds
    limit = matrix_product_speed()
    # Forward and backward, to the input alone, cost about the same.
    step = 2 * (forward_operations(wgan.generator_) + forward_operations(wgan.critic_))
    rows = []
    for name, outcome in outcomes.items():
        work = step * outcome.found.iterations.mean() + forward_operations(encoder)
        row = {
            'search': name,
            'stamps per second': round(1 / outcome.seconds, 2),
            'times the first': round(slowest / outcome.seconds, 1),
            'of matrix product': round(work / outcome.seconds / limit, 3),
            'iterations': round(float(outcome.found.iterations.mean()), 1),
        }
        loss = loss_of(outcome)
        if len(loss) == counts[-1]:
            row['loss'] = round(float(loss.mean()), 5)
            row['Spearman'] = round(float(spearmanr(loss, reference).statistic), 4)
            parts = [loss[a:b] for a, b in pairwise(counts)]
            for kind, part in zip(KINDS[1:], parts[1:], strict=True):
                area, covariance = roc_auc(parts[0], part)
                row[f'AUC {kind}'] = f'{area[0]:.3f} +- {covariance[0, 0] ** 0.5:.3f}'
        rows.append(row)
    names = list(rows[-1])
    table = Table({name: [str(row.get(name, '')) for row in rows] for name in names})
    return '\n'.join(table.pformat(max_lines=-1, max_width=-1))


def loss_of(outcome):
    gamma = outcome.search.gamma
    return gamma * outcome.found.residual + (1 - gamma) * outcome.found.feature


if __name__ == '__main__':
    main()
