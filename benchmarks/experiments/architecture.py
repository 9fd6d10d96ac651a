"""
Which network finds most for its time: variants of a preset on simulated galaxies.

Each is trained on the first normals of ``benchmark-1`` and scores anomalies of each class and
fresh normals after so many iterations, one training per variant. Two pixels are binned to one,
unless asked otherwise, so that a variant takes minutes: PCA finds as much of them (its rows stand
beside, raw and with the residual treated as the detector's). A training writes checkpoints and goes
on from them; one is kept for each number of iterations, to be scored again.

    pip install "astro_wgan[sim,baselines]"
    python -m benchmarks.experiments.architecture --normals 500 --test 100 --iterations 20 40
    python -m benchmarks.experiments.architecture --latent 16 32 --seeds 1 2
    python -m benchmarks.experiments.architecture --binning 1 --normals 20000 --iterations 900 3000
    python -m benchmarks.experiments.architecture --preset paper --precision float32 mixed_bfloat16
"""

import shutil
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from astropy.nddata import block_reduce

from astro_wgan import WGAN, AnomalyDetector, StampSet
from astro_wgan.anomaly import ScoringConfig
from astro_wgan.baselines import PCAResidual
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from benchmarks.detectors.classical import PCAByBrightness
from benchmarks.detectors.evaluation import area
from benchmarks.detectors.populations import ANOMALIES, Populations, fingerprint
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

COLUMNS = (
    Column('model', 'preset, and what differs from it'),
    Column('iterations', 'of the training', '', ','),
    Column('minutes', 'of the training', 'min', '.1f'),
    *(Column(kind, 'area under the ROC curve, against normals', '', '.3f') for kind in ANOMALIES),
)


@dataclass(frozen=True)
class Variant:
    """A preset that differs in what is not None."""

    preset: str
    latent: int | None
    reconstruction_weight: float | None
    critic_steps: int | None
    batch_size: int | None
    learning_rate: float | None
    ema_decay: float | None
    precision: str
    seed: int

    def configuration(self, size):
        network = NetworkConfig.preset(self.preset, size=size)
        training = TrainingConfig.preset(self.preset)
        if self.latent is not None:
            network = replace(network, latent_dim=self.latent)
        names = (
            'reconstruction_weight',
            'critic_steps',
            'batch_size',
            'learning_rate',
            'ema_decay',
        )
        changed = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        changed['precision'] = self.precision
        # As `auto` has it.
        changed['penalty_in_float32'] = self.precision != 'mixed_bfloat16'
        return network, replace(training, **changed)

    def __str__(self):
        named = {
            'latent': self.latent,
            'weight': self.reconstruction_weight,
            'critic steps': self.critic_steps,
            'batch': self.batch_size,
            'rate': self.learning_rate,
            'average': self.ema_decay,
            'seed': self.seed,
        }
        changed = ', '.join(f'{name} {v:g}' for name, v in named.items() if v is not None)
        return f'{self.preset}, {changed}, {self.precision}'


def main():
    options = read_options()
    report = Report(options, 'scikit-learn')
    sets = prepare(options)
    scoring = ScoringConfig()
    scoring = replace(
        scoring,
        smoothing=scoring.smoothing / options.binning,
        rotation_smoothing=scoring.rotation_smoothing / options.binning,
    )
    rows = list(pca_rows(sets, scoring))
    for variant in product(
        options.preset,
        options.latent,
        options.reconstruction,
        options.critic_steps,
        options.batch,
        options.learning_rate,
        options.average,
        options.precision,
        options.seeds,
    ):
        for row in wgan_rows(Variant(*variant), sets, scoring, options):
            print(f'{row["model"]}: {row["iterations"]} iterations', flush=True)
            rows.append(row)
    caption = f'Area under the ROC curve, {options.normals:,} normals to learn from.'
    report.table('areas', caption, COLUMNS, rows)
    report.write()


def read_options():
    smoke = {'normals': 60, 'test': 8, 'iterations': [1, 2], 'batch': [4], 'processes': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None, work='architecture')
    parser.add_argument('--normals', type=int, default=12000)
    parser.add_argument('--test', type=int, default=1000, help='of each class')
    parser.add_argument('--binning', type=int, default=2, help='pixels to one, along each axis')
    parser.add_argument('--preset', nargs='+', default=['compact'], help='or paper')
    changed = parser.add_argument_group("several of each may be named; the preset's unless given")
    changed.add_argument('--latent', type=int, nargs='+', default=[None])
    changed.add_argument('--reconstruction', type=float, nargs='+', default=[None])
    changed.add_argument('--critic-steps', type=int, nargs='+', default=[None])
    changed.add_argument('--batch', type=int, nargs='+', default=[None])
    changed.add_argument('--learning-rate', type=float, nargs='+', default=[None])
    changed.add_argument('--average', type=float, nargs='+', default=[None])
    parser.add_argument('--seeds', type=int, nargs='+', default=[1])
    parser.add_argument('--precision', nargs='+', default=['float32'], help='mixed_bfloat16')
    parser.add_argument('--iterations', type=int, nargs='+', default=[400, 800, 1600])
    parser.add_argument('--processes', type=int, default=2, help='that simulate')
    return parser.parse_args()


def prepare(options):
    """Stamps by name, binned: those to learn from, to calibrate on, and of each class."""
    folder = options.work / f'benchmark-1-{fingerprint("benchmark-1")}'
    folder.mkdir(exist_ok=True)
    full = Populations(
        'benchmark-1', folder, options.normals, options.test, 0, processes=options.processes
    )
    sets = {'train': full.train, 'held out': full.held_out, 'normal': full.tested['normal']}
    sets |= {kind: full.tested[kind] for kind in ANOMALIES}
    return {name: binned(stamps, options.binning) for name, stamps in sets.items()}


def binned(stamps, factor):
    """So many pixels to one along each axis, with the flux of all."""
    if factor == 1:
        return stamps
    pixels = block_reduce(stamps.pixels, (1, factor, factor), func=np.sum)
    return StampSet(pixels, unit=stamps.unit, pixel_scale=factor * stamps.pixel_scale)


def pca_rows(sets, scoring):
    """What has no network: the baseline as it is, and its residual scored as the detector's."""
    pca = PCAResidual(n_components=10).fit(sets['train'])
    plain = {
        name: np.asarray(pca.score(sets[name], progress=False)['score'])
        for name in ('held out', 'normal', *ANOMALIES)
    }
    yield {'model': 'PCA residual, 10 components', 'iterations': 0, 'minutes': 0.0, **areas(plain)}
    scored = PCAByBrightness(n_components=10, scoring=scoring).fit(sets['train'])
    scores = {name: scored.score(sets[name]) for name in plain}
    name = 'PCA residual, 10, scored as below'
    yield {'model': name, 'iterations': 0, 'minutes': 0.0, **areas(scores)}


def wgan_rows(variant, sets, scoring, options):
    """The variant after each number of iterations."""
    size = sets['train'].shape[0]
    wgan = WGAN(*variant.configuration(size))
    name = f'{variant}-{size}-pixels-{options.normals}'.replace(', ', '-').replace(' ', '-')
    before = None
    for iterations in sorted(options.iterations):
        checkpoint = options.work / f'{name}-{iterations}.npz'
        if before is not None and not checkpoint.exists():
            shutil.copy(before, checkpoint)
        before = checkpoint
        wgan.fit(sets['train'], iterations=iterations, seed=variant.seed, checkpoint=checkpoint)
        detector = AnomalyDetector(wgan, scoring=scoring)
        detector.calibrate(sets['held out'], progress=False)
        scores = {
            kind: np.asarray(detector.score(sets[kind], progress=False)['score'])
            for kind in ('normal', *ANOMALIES)
        }
        minutes = wgan.provenance_['seconds'] / 60
        yield {'model': str(variant), 'iterations': iterations, 'minutes': minutes, **areas(scores)}


def areas(scores):
    """Areas under ROC curves by class."""
    return {kind: area(scores['normal'], scores[kind]) for kind in ANOMALIES}


if __name__ == '__main__':
    main()
