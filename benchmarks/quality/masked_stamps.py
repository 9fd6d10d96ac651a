"""
What masks do to scores: false positives of normals, and what is still found of anomalies.

Fresh simulated normals, pairs and disturbed galaxies are scored by the shipped model with masks of
many kinds, drawn anew for each stamp. Printed are, by kind of mask,

* the fraction of stamps of which too little is left, and which are flagged for it;
* the fraction of normals above the 90 percent threshold, where 10 percent are due, and of those
  with p <= 0.01;
* the areas under the ROC curve of pairs and of disturbed galaxies with the same kind of mask;
* beside them the same where holes are left filled with the median of their stamp, as the encoder
  then sees them, and nothing is done about noise that fewer pixels average.

    pip install "astro_wgan[sim]"
    python -m benchmarks.quality.masked_stamps                # ten minutes
    python -m benchmarks.quality.masked_stamps --normals 500 --anomalies 200
"""

import warnings

import numpy as np
from astropy.table import QTable

from astro_wgan import StampSet, datasets
from astro_wgan.evaluate import roc_auc
from astro_wgan.exceptions import DriftWarning
from astro_wgan.simulate import simulate
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SIZE = 64
Y, X = np.indices((SIZE, SIZE))
MIDDLE = (SIZE - 1) / 2
#: Of no other benchmark, and of none that anything about masks was chosen by.
SEED = 612


def disk(x, y, radius):
    return np.hypot(X - x, Y - y) < radius


def trail(random):
    angle, offset = random.uniform(0, np.pi), random.uniform(-20, 20)
    across = (X - MIDDLE) * np.cos(angle) + (Y - MIDDLE) * np.sin(angle)
    return np.abs(across - offset) < random.uniform(1, 3)


def holes(random):
    centers = random.uniform(0, SIZE, (random.integers(3, 8), 2))
    return np.any([disk(*center, random.uniform(1, 6)) for center in centers], axis=0)


def column(width):
    return np.isin(X, np.arange(width) + 32 - (width + 1) // 2)


#: By name: from a random generator to a mask.
MASKS = {
    'none': lambda random: np.zeros((SIZE, SIZE), bool),
    'chip edge, 1 to 20 pixels': lambda random: random.integers(1, 21) > X,
    'chip edge, 20 pixels': lambda random: X < 20,
    'corner': lambda random: (random.integers(8, 36) > X) & (random.integers(8, 36) > Y),
    'border of 5 pixels': lambda random: (X < 5) | (X > 58) | (Y < 5) | (Y > 58),
    'star, radius 3 to 12': lambda random: disk(*random.uniform(0, SIZE, 2), random.uniform(3, 12)),
    '5 % of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.05,
    '30 % of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.3,
    'one pixel of four': lambda random: (X % 2 == 0) & (Y % 2 == 0),
    'bad column of 1 pixel': lambda random: column(1),
    'bad column of 3 pixels': lambda random: column(3),
    'five bad rows': lambda random: np.isin(Y, random.integers(0, SIZE, 5)),
    'hole on the galaxy, radius 3': lambda random: disk(MIDDLE, MIDDLE, 3),
    '3 to 7 holes': holes,
    'trail of 2 to 6 pixels': trail,
    'quadrant': lambda random: (X >= 32) & (Y >= 32),
    'core, radius 6': lambda random: disk(MIDDLE, MIDDLE, 6),
    'border of 8 pixels': lambda random: (X < 8) | (X > 55) | (Y < 8) | (Y > 55),
    'half': lambda random: X < 32,
    '70 % of the pixels': lambda random: random.random((SIZE, SIZE)) < 0.7,
}


COLUMNS = (
    Column('mask', 'kind of mask'),
    Column('flagged', 'percent of stamps that are flagged as incomplete', '', '.0f'),
    Column('above 90 %', 'percent of normals above the threshold of 90 percent', '', '.1f'),
    Column('p <= 0.01', 'percent of normals with such p', '', '.1f'),
    Column('pair', 'area under the ROC curve', '', '.3f'),
    Column('disturbed', 'area under the ROC curve', '', '.3f'),
    Column('above, median', 'as above 90 %, with holes at the median of their stamp', '', '.1f'),
    Column('pair, median', 'area, with holes at the median of their stamp', '', '.3f'),
    Column('disturbed, median', 'area, with holes at the median of their stamp', '', '.3f'),
)


def main():
    smoke = {'normals': 10, 'anomalies': 5, 'masks': ['none', 'corner']}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=SEED)
    parser.add_argument('--normals', type=int, default=2000)
    parser.add_argument('--anomalies', type=int, default=500, help='of either kind')
    parser.add_argument('--masks', nargs='+', default=[*MASKS], choices=MASKS, metavar='MASK')
    options = parser.parse_args()
    report = Report(options, 'galsim')
    # Sets of nothing but pairs are no drift.
    warnings.simplefilter('ignore', DriftWarning)
    counts = {
        'normal': options.normals,
        'pair': options.anomalies,
        'disturbed': options.anomalies,
    }
    kinds = {k: simulate(k, n, seed=options.seed) for k, n in counts.items()}
    rows = rows_of_masks(datasets.load_model(), kinds, seed=options.seed, masks=options.masks)
    report.table('masks', 'By kind of mask.', COLUMNS, rows)
    report.write()


def rows_of_masks(detector, kinds, *, seed, masks=tuple(MASKS)):
    """
    A row of cells for each kind of mask.

    Parameters
    ----------
    detector : `~astro_wgan.AnomalyDetector`
        Calibrated, with an encoder.
    kinds : dict of `~astro_wgan.StampSet`
        ``normal``, ``pair`` and ``disturbed``.
    seed : int
        Of the masks.
    masks : iterable of str, optional
        Names of kinds in ``MASKS``.

    Yields
    ------
    dict
    """
    threshold = detector.calibration_.thresholds()[90]
    for name in masks:
        random = np.random.default_rng([seed, [*MASKS].index(name)])
        found, former, p_values, flags = {}, {}, None, []
        for kind, stamps in kinds.items():
            masked = StampSet(
                stamps.pixels,
                mask=np.array([MASKS[name](random) for _ in range(len(stamps))]),
                unit=stamps.unit,
                pixel_scale=stamps.pixel_scale,
            )
            scored = detector.score(masked, progress=False)
            found[kind] = np.asarray(scored['score'])
            former[kind] = score_of_medians(detector, masked)
            flags.append(np.asarray(scored['incomplete']))
            p_values = np.asarray(scored['p_value']) if kind == 'normal' else p_values
        row = {'mask': name, 'flagged': 100 * np.concatenate(flags).mean()}
        row['above 90 %'] = 100 * np.mean(found['normal'] > threshold)
        row['p <= 0.01'] = 100 * np.mean(p_values <= 0.01)
        row |= {kind: area(found, kind) for kind in ('pair', 'disturbed')}
        row['above, median'] = 100 * np.mean(former['normal'] > threshold)
        row |= {f'{kind}, median': area(former, kind) for kind in ('pair', 'disturbed')}
        yield row


def area(scores, kind):
    return roc_auc(scores['normal'], scores[kind])[0][0]


def score_of_medians(detector, stamps):
    """Scores by the encoder's prediction, of stamps with medians in place of masked pixels."""
    wgan, scoring = detector.wgan, detector.scoring
    images, weights = wgan.images_from_stamps(stamps)
    closest = wgan.images_from_latent(wgan.encoder_.predict(images, verbose=0))
    fluxes = wgan.stamps_from_images(closest).pixels.reshape(images.shape).sum(axis=(1, 2, 3))
    measured = scoring.measure(images, closest, weights)
    return scoring.score(QTable({**measured, 'closest_flux': fluxes}), detector.trends_)


if __name__ == '__main__':
    main()
