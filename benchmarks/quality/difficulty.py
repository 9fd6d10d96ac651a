"""
How hard a simulated population is, beside what the paper reports of its own.

Margalef-Bentabol et al. 2020 (section 4.1, tables 1 to 3) classify isolated galaxies and mergers of
a hydrodynamical simulation with statmorph and k-means. A configuration is as hard as theirs if the
same method finds the same fractions of its stamps. Printed are

* these fractions, with binomial errors, and the paper's: k-means with two clusters on
  concentration, asymmetry, smoothness, Gini and M20 of all sources of a stamp, fitted to as many
  normals, pairs and disturbed galaxies; the flux ratio is the true one, or that which SEP measures;
* the area under the ROC curve of each simple detector, for each class against fresh normals:
  asymmetry alone, k-means, PCA residual, PCA Mahalanobis distance, 180-degree residual;
* that of a small convolutional network that is shown the labels of disturbed galaxies: what they
  hide can be seen.

Work is kept in benchmarks/work/difficulty and goes on from there.

    pip install "astro_wgan[sim,morphology,baselines]"
    python -m benchmarks.quality.difficulty                  # 1000 of each class: half an hour
    python -m benchmarks.quality.difficulty --n 300 --network 0
    python -m benchmarks.quality.difficulty --config benchmark-2
"""

import os
from hashlib import sha256

import numpy as np
from astropy.table import vstack

from astro_wgan.baselines import MorphologyKMeans, PCAMahalanobis, PCAResidual, RotationResidual
from astro_wgan.evaluate import roc_auc
from astro_wgan.morphology import measure_morphology
from astro_wgan.simulate import CLASSES, get_simulation_config, simulate
from astro_wgan.sources import measure_sources
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column, estimate

TRAIN, FRESH = 1, 2

#: Percent that k-means finds, or keeps, in the paper.
PAPER = {
    'normal, kept': 99,
    'pair': 74,
    'pair, flux ratio < 1.5': 91,
    'pair, flux ratio 1.5 - 2': 93,
    'pair, flux ratio > 2': 39,
    'disturbed': 8,
    'disturbed, pre-merger': 7,
    'disturbed, post-merger': 9,
}


KMEANS = (
    Column('class', 'of simulated stamps'),
    Column('n', 'stamps'),
    Column('found', 'percent, with the binomial error', '', '.1f'),
    Column('paper', 'percent in tables 1 to 3', '', '.0f'),
)
ANOMALIES = [kind for kind in CLASSES if kind != 'normal']
AREAS = (
    Column('detector', 'that is simple'),
    *(Column(kind, 'area under the ROC curve, against normals', '', '.3f') for kind in ANOMALIES),
)
NETWORK = (
    Column('class', 'of simulated stamps'),
    Column('AUC', 'area under the ROC curve, against normals', '', '.3f'),
)


def main():
    smoke = {'n': 6, 'train': 100, 'network': 16, 'processes': 1, 'epochs': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='difficulty')
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--n', type=int, default=1000, help='stamps of each class')
    parser.add_argument('--train', type=int, default=5000, help='normals that PCA learns from')
    parser.add_argument(
        '--network', type=int, default=6000, help='stamps of both classes the network is shown'
    )
    parser.add_argument('--epochs', type=int, default=12, help='of the network')
    parser.add_argument('--processes', type=int, default=os.cpu_count())
    options = parser.parse_args()
    report = Report(options, 'galsim', 'scikit-learn', 'statmorph')
    measure(get_simulation_config(options.config), options, report)
    report.write()


def measure(config, options, report):
    """All that this file measures."""
    populations = {kind: simulated(config, kind, options.n, FRESH, options) for kind in CLASSES}
    shapes = {
        kind: measured_shapes(populations[kind], kind, config, options)
        for kind in ('normal', 'pair', 'disturbed')
    }
    kmeans = fitted_kmeans(shapes)
    caption = 'What k-means on statmorph finds, beside Margalef-Bentabol et al. 2020.'
    report.table('kmeans', caption, KMEANS, kmeans_rows(shapes, populations, kmeans))
    caption = 'Area under the ROC curve of simple detectors, class by class.'
    rows = auc_rows(config, populations, shapes, kmeans, options)
    report.table('areas', caption, AREAS, rows)
    if options.network:
        auc = network_auc(config, populations, options)
        caption = f'A network that was shown {options.network:,} stamps of both classes.'
        report.table('network', caption, NETWORK, [{'class': 'disturbed', 'AUC': auc}])


def simulated(config, kind, n, seed, options):
    """The first stamps of a class, from a store that holds as many or more."""
    folder = work_folder(config, options)
    stores = {int(path.stem.split('-')[-1]): path for path in folder.glob(f'{kind}-{seed}-*.zarr')}
    count = min((held for held in stores if held >= n), default=n)
    path = folder / f'{kind}-{seed}-{count}.zarr'
    settings = {'config': config, 'seed': seed, 'processes': options.processes}
    return simulate({kind: count}, output=path, **settings)[:n]


def work_folder(config, options):
    folder = options.work / sha256(repr(config).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def measured_shapes(stamps, kind, config, options):
    """Shapes of all sources of a stamp, as if they were one."""
    output = work_folder(config, options) / f'{kind}-{len(stamps)}.shapes'
    return measure_morphology(
        stamps, target='all', sersic=False, output=output, processes=options.processes
    )


# k-means


def fitted_kmeans(shapes):
    """k-means on all three classes together, without what statmorph flags as bad."""
    table = vstack(list(shapes.values()), metadata_conflicts='silent')
    normal = np.repeat(np.array(list(shapes)) == 'normal', [len(part) for part in shapes.values()])
    good = table['flag'] < 2
    return MorphologyKMeans().fit(table[good], is_normal=normal[good])


def kmeans_rows(shapes, populations, kmeans):
    """Fractions beside those of the paper, in percent."""
    found = {kind: kmeans.score(table) for kind, table in shapes.items()}
    pairs, disturbed = populations['pair'].table, populations['disturbed'].table
    ratio = np.asarray(pairs['flux_ratio'])
    sources = measure_sources(populations['pair'], progress=False).stamps
    measured = np.asarray(sources['flux_ratio'], dtype=float)
    seen = np.asarray(sources['n_neighbors']) > 0
    before = disturbed['stage'] == 'pre-merger'
    rows = {
        'normal, kept': ('normal', slice(None)),
        'pair': ('pair', slice(None)),
        **{f'pair, flux ratio {name}': ('pair', rows) for name, rows in bins(ratio).items()},
        'pair, seen by SEP': ('pair', seen),
        **{
            f'pair, seen by SEP, its flux ratio {name}': ('pair', rows & seen)
            for name, rows in bins(measured).items()
        },
        'disturbed': ('disturbed', slice(None)),
        'disturbed, pre-merger': ('disturbed', before),
        'disturbed, post-merger': ('disturbed', ~before),
    }
    for name, (kind, chosen) in rows.items():
        part = found[kind][chosen]
        anomalous = np.asarray(part['anomalous'])[np.asarray(part['usable'])]
        if len(anomalous) == 0:
            continue
        fraction = np.mean(~anomalous if kind == 'normal' else anomalous)
        error = np.sqrt(fraction * (1 - fraction) / len(anomalous))
        yield {
            'class': name,
            'n': len(anomalous),
            'found': estimate(100 * fraction, 100 * error),
            'paper': PAPER.get(name),
        }


def bins(ratio):
    """The paper's bins of flux ratio."""
    return {
        '< 1.5': ratio < 1.5,
        '1.5 - 2': (ratio >= 1.5) & (ratio <= 2),
        '> 2': ratio > 2,
    }


# Simple detectors


def auc_rows(config, populations, shapes, kmeans, options):
    """Areas under the ROC curves of simple detectors, class by class."""
    train = simulated(config, 'normal', options.train, TRAIN, options)
    scores = {
        'asymmetry': {kind: np.asarray(table['asymmetry']) for kind, table in shapes.items()},
        'k-means': {kind: kmeans.score(table)['score'] for kind, table in shapes.items()},
    }
    for detector in (
        *(PCAResidual(n_components=k) for k in (5, 10, 20, 40)),
        *(PCAMahalanobis(n_components=k) for k in (10, 40, 80)),
        *(RotationResidual(smoothing=s) for s in (1.0, 2.0)),
    ):
        detector.fit(train)
        option = getattr(detector, 'n_components', None) or detector.smoothing
        scores[f'{type(detector).__name__}, {option}'] = {
            kind: detector.score(stamps, progress=False)['score']
            for kind, stamps in populations.items()
        }
    for name, by_kind in scores.items():
        normal = by_kind.pop('normal')
        areas = {kind: auc_of(normal, found) for kind, found in by_kind.items()}
        yield {'detector': name, **areas}


def auc_of(normal, anomalous):
    return float(roc_auc(np.asarray(normal), np.asarray(anomalous))[0][0])


# The ceiling


def network_auc(config, populations, options):
    """AUC of a network that was shown other stamps with their labels."""
    images, labels = [], []
    for k, kind in enumerate(('normal', 'disturbed')):
        stamps = simulated(config, kind, options.network, TRAIN, options)
        images.append(prepared(stamps.pixels, config))
        labels.append(np.full(len(stamps), k, dtype=np.float32))
    network = trained(np.concatenate(images), np.concatenate(labels), options.epochs)
    normal, disturbed = (
        network.predict(prepared(populations[kind].pixels, config), verbose=0)[:, 0]
        for kind in ('normal', 'disturbed')
    )
    auc, covariance = roc_auc(normal, disturbed)
    return estimate(auc[0], np.sqrt(covariance[0, 0]))


def prepared(pixels, config):
    return np.arcsinh(pixels / (2 * config.noise.rms))[..., np.newaxis].astype(np.float32)


def trained(images, labels, epochs):
    """A small convolutional network, trained on images turned and mirrored at random."""
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input(images.shape[1:])]
    for filters, strides in ((16, 2), (32, 2), (48, 2), (64, 2), (64, 1)):
        layers += [
            keras.layers.Conv2D(filters, 3, strides=strides, padding='same', use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
        ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dropout(0.4),
        keras.layers.Dense(1, activation='sigmoid'),
    ]
    network = keras.Sequential(layers)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, max(1, epochs * (len(images) // 64)))
    network.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), 'binary_crossentropy')
    rng = np.random.default_rng(1)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        parts = [turned(images[part], rng) for part in np.array_split(order, 8)]
        network.fit(np.concatenate(parts), labels[order], batch_size=64, shuffle=False, verbose=2)
    return network


def turned(images, rng):
    """Images turned by some right angles, and mirrored or not."""
    images = np.rot90(images, rng.integers(4), axes=(1, 2))
    return images[:, ::-1] if rng.random() < 0.5 else images


if __name__ == '__main__':
    main()
