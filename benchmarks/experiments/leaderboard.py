"""
Which detector finds what: all of them on the same simulated galaxies with known anomalies.

Each learns from the first normals of the frozen set ``benchmark-1`` and scores the first stamps of
each anomaly class and as many fresh normals; thresholds come from further normals that nobody has
seen. Beside the WGAN and what is simpler there is a ceiling: a network of the critic's size that
was shown labeled anomalies, others than those tested.

k-means                     of the paper, on shapes of normals, pairs and disturbed galaxies
isolation forest, local     on shapes of normals
  outlier factor
ECOD, COPOD                 of pyod, on shapes, and on coordinates along principal components
180-degree residual         the stamp less itself, turned
PCA residual, Mahalanobis   of so many components that held-out normals are most likely; with ten;
                            and with ten and the WGAN's way to score a residual
autoencoder                 16 latent numbers; residual smoothed before it is squared and summed
WGAN, as in the paper       the generator draws noise, too; search of a free z, the paper's score
WGAN                        trained as the shipped model, with the defaults of the detector; an
                            isolation forest on the features of its critic
supervised                  the ceiling: layers of the critic, six classes, log odds of an anomaly

Shapes take statmorph about 0.4 s a stamp, so those rows are of fewer stamps (``--morphology``);
so does the search of the paper's score, which is made for the first 400 of each class.
A row is kept when it is done and networks write checkpoints: the same command goes on where it was
killed. All work lies in a folder named after the configuration and a checksum of it and of stamps
drawn by it, so that the results of two versions never mix. Rows of other options are kept, too.

    pip install "astro_wgan[sim,morphology,baselines]"
    pip install pyod            # a peer; its rows are left out without it
    python -m benchmarks.experiments.leaderboard --normals 500 --test 100 \
        --morphology 60 --minutes 0.5
    python -m benchmarks.experiments.leaderboard --normals 8000 --test 1000 \
        --morphology 300 --minutes 10
    python -m benchmarks.experiments.leaderboard --rows "PCA residual" "WGAN"
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from astro_wgan.baselines import (
    IsolationForestScore,
    PCAMahalanobis,
    PCAResidual,
    RotationResidual,
)
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.simulate import CLASSES
from benchmarks.detectors.classical import (
    HeldOutComponents,
    KMeansOfThePaper,
    OnNormals,
    OnNormalShapes,
    OutliersAmongCoordinates,
    OutliersAmongShapes,
    PCAByBrightness,
)
from benchmarks.detectors.evaluation import ALL, LEAD, by_class, lead, measured, views
from benchmarks.detectors.populations import Populations, fingerprint
from benchmarks.harness import BenchmarkParser, Report, time_once

CEILING = 'supervised (ceiling)'
OURS = 'WGAN'
#: What the WGAN is made of, or scored as, and the one that was shown labels.
NO_RIVALS = (OURS, CEILING, 'PCA residual, 10, scored as the WGAN', 'isolation forest, critic')

#: What rows depend on beside the package.
PEERS = ('scikit-learn', 'statmorph', 'pyod')

CAPTIONS = {
    'auc': 'Area under the ROC curve, with its standard error. Bold: the best without labels.',
    'ceiling': 'The best without labels, and how far it is from the ceiling.',
    'rates': 'Percent found at the threshold that 90 percent of held-out normals are below, '
    'with the binomial interval of one standard deviation.',
    'false_positives': 'Percent of fresh normals above the thresholds.',
    'precision': 'Average precision, and fraction of anomalies in the top 1 percent, '
    'among fresh normals and the class.',
    'lead': 'Lead of the WGAN in area over the nearest of the other methods, on the same stamps, '
    'with the error of the difference (DeLong 1988).',
    'all': 'All numbers, by detector and class.',
}


@dataclass(frozen=True)
class Row:
    """
    How a detector enters.

    Attributes
    ----------
    make : callable
        Makes the adapter, which has ``fit(populations)`` and ``score(stamps or shapes)``; that of
        a network takes ``minutes`` and ``folder``.
    sees : {'stamps', 'shapes'}
        What it scores.
    trained : bool
        Whether it is a network, trained for ``--minutes``.
    at_most : int or None
        Stamps of each class that it scores, where more take too long.
    """

    make: object
    sees: str = 'stamps'
    trained: bool = False
    at_most: int | None = None

    def settings(self, options):
        """What its scores depend on, beside the configuration."""
        if self.sees == 'shapes':
            return f'{options.morphology}'
        minutes = f'-{options.minutes:g}-minutes' if self.trained else ''
        return f'{options.normals}-{self.tested(options)}{minutes}'

    def tested(self, options):
        """How many stamps of each class it scores."""
        return options.test if self.at_most is None else min(self.at_most, options.test)


def local_outlier_factor():
    from sklearn.neighbors import LocalOutlierFactor

    return OnNormalShapes(OutliersAmongShapes(LocalOutlierFactor(novelty=True)))


def ecod(wrap, outliers):
    from pyod.models.ecod import ECOD

    return wrap(outliers(ECOD()))


def copod(wrap, outliers):
    from pyod.models.copod import COPOD

    return wrap(outliers(COPOD()))


def network(name, **options):
    # TensorFlow is imported for the rows that need it alone.
    from benchmarks.detectors import networks

    return getattr(networks, name)(**options)


def forest_on_critic(*, minutes, folder):
    # It takes the network that the WGAN's row trained, with the same options.
    options = folder.name.removeprefix(slug('isolation forest, critic'))
    return network('ForestOnCritic', minutes=minutes, folder=folder, trained=f'wgan{options}')


ROWS = {
    'k-means': Row(KMeansOfThePaper, 'shapes'),
    'isolation forest': Row(lambda: OnNormalShapes(IsolationForestScore()), 'shapes'),
    'local outlier factor': Row(local_outlier_factor, 'shapes'),
    'ECOD, shapes': Row(partial(ecod, OnNormalShapes, OutliersAmongShapes), 'shapes'),
    'COPOD, shapes': Row(partial(copod, OnNormalShapes, OutliersAmongShapes), 'shapes'),
    '180-degree residual': Row(lambda: OnNormals(RotationResidual())),
    'ECOD, PCA': Row(partial(ecod, OnNormals, OutliersAmongCoordinates)),
    'COPOD, PCA': Row(partial(copod, OnNormals, OutliersAmongCoordinates)),
    'PCA Mahalanobis': Row(lambda: OnNormals(HeldOutComponents(PCAMahalanobis))),
    'PCA residual': Row(lambda: OnNormals(HeldOutComponents(PCAResidual))),
    'PCA residual, 10': Row(lambda: OnNormals(PCAResidual(n_components=10))),
    'PCA residual, 10, scored as the WGAN': Row(lambda: OnNormals(PCAByBrightness(10))),
    'autoencoder': Row(partial(network, 'Autoencoder'), trained=True),
    'WGAN, as in the paper': Row(
        partial(network, 'WganDetector', paper=True), trained=True, at_most=400
    ),
    'WGAN': Row(partial(network, 'WganDetector'), trained=True),
    'isolation forest, critic': Row(forest_on_critic, trained=True),
    CEILING: Row(partial(network, 'Supervised'), trained=True),
}


def main():
    options = read_options()
    report = Report(options, *PEERS)
    populations = prepare(options)
    report.note(f'Configuration and checksum: {populations.folder.name}.')
    scores = run(ROWS, populations, options)
    if not scores:
        raise SystemExit('No detector could run: see the reasons above.')
    classes = classes_of(scores, populations)
    rows = [
        row
        for name, by_kind in classes.items()
        for row in measured(name, by_kind, scores[name]['held_out'])
    ]
    for name, view in views(rows, CEILING).items():
        report.table(name, CAPTIONS[name], *view)
    others = [name for name in scores if name not in NO_RIVALS]
    if OURS in scores and others:
        report.table('lead', CAPTIONS['lead'], LEAD, lead(classes, OURS, others))
    report.table('all', CAPTIONS['all'], ALL, rows)
    report.write()


def read_options():
    quick = ['180-degree residual', 'PCA residual, 10', 'autoencoder', 'WGAN', CEILING]
    smoke = {'normals': 40, 'test': 6, 'morphology': 4, 'minutes': 0.005, 'rows': quick}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='leaderboard')
    parser.add_argument('--config', default='benchmark-1')
    parser.add_argument('--normals', type=int, default=8000, help='to learn from')
    parser.add_argument(
        '--test', type=int, default=1000, help='of each class, and of normals for the thresholds'
    )
    parser.add_argument('--morphology', type=int, default=300, help='of each set, for statmorph')
    parser.add_argument('--minutes', type=float, default=10, help='of training, each network')
    parser.add_argument('--rows', nargs='+', default=[*ROWS], choices=[*ROWS], metavar='ROW')
    parser.add_argument('--processes', type=int, default=1, help='for simulation and statmorph')
    options = parser.parse_args()
    if options.morphology > min(options.normals, options.test):
        parser.error('--morphology must be at most --normals and --test')
    return options


def prepare(options):
    """The populations of this version of the configuration."""
    folder = options.work / f'{options.config}-{fingerprint(options.config)}'
    folder.mkdir(parents=True, exist_ok=True)
    return Populations(
        options.config,
        folder,
        options.normals,
        options.test,
        options.morphology,
        processes=options.processes,
    )


def run(rows, populations, options):
    """Scores by detector, each a dict by set; from the folder where they are there."""
    scores = {}
    for name in options.rows:
        row = rows[name]
        folder = populations.folder / f'{slug(name)}-{row.settings(options)}'
        path = folder / 'scores.npz'
        if not path.exists():
            folder.mkdir(exist_ok=True)
            try:
                found, timing = time_once(scored, row, populations, folder, options)
            except ModuleNotFoundError as error:
                print(f'{name}: left out, since {error.name} is not installed', flush=True)
                continue
            write_arrays(path, **found)
            print(f'{name}: {timing.shortest:.0f} s', flush=True)
        scores[name] = read_arrays(path)
    return scores


def scored(row, populations, folder, options):
    """Scores of the normals that set thresholds, and of each class."""
    settings = {'minutes': options.minutes, 'folder': folder} if row.trained else {}
    detector = row.make(**settings).fit(populations)
    if row.sees == 'shapes':
        found = {kind: detector.score(populations.shapes_of('tested', kind)) for kind in CLASSES}
        return {'held_out': detector.score(populations.shapes_of('held_out')), **found}
    sets = {'held_out': populations.held_out, **populations.tested}
    return {name: detector.score(stamps[: row.tested(options)]) for name, stamps in sets.items()}


def classes_of(scores, populations):
    """Scores by detector and class, parts of the pairs among them."""
    flux_ratio = np.asarray(populations.tested['pair'].table['flux_ratio'])
    return {
        name: by_class({kind: found[kind] for kind in CLASSES}, flux_ratio)
        for name, found in scores.items()
    }


def slug(name):
    """A name as part of a path."""
    return ''.join(letter if letter.isalnum() else '-' for letter in name.lower())


if __name__ == '__main__':
    main()
