"""Calibrations that are small, not wholly normal, or of other conditions than what is scored."""

import warnings

import numpy as np
from astropy.table import vstack
from scipy.ndimage import shift

from astro_wgan.anomaly import Calibration, q_values
from astro_wgan.exceptions import DriftWarning
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.simulate import simulate
from benchmarks.detectors.populations import ANOMALIES
from benchmarks.results import Column, estimate

__all__ = [
    'CONTAMINATED',
    'DRIFT',
    'FEW',
    'UNDISTURBED',
    'contaminated_calibrations',
    'drifting_stamps',
    'small_calibrations',
    'undisturbed_samples',
]

SIZES = (10, 30, 100, 300, 1000)
FRACTIONS = (0.0, 0.05, 0.1, 0.2)

FEW = (
    Column('normals', 'that calibrate', '', ','),
    Column('p at most', 'of the fresh normals'),
    Column('cross-fitted', 'percent of them', '', '.2f'),
    Column('not cross-fitted', 'the same, with trends that were fitted to themselves', '', '.2f'),
    Column('allowed', 'percent, by the number of normals', '', '.1f'),
)
CONTAMINATED = (
    Column('anomalies', 'percent of the field', '', '.0f'),
    Column('correction', 'of the calibration: none, the estimated fraction, or the normals alone'),
    Column('estimated', 'percent, with the scatter over fields', '', '.1f'),
    Column('false positives', 'percent of normals above the threshold of 90 percent', '', '.1f'),
    Column('disturbed', 'percent of them above that threshold', '', '.0f'),
    Column('listed', 'anomalies with q of at most 0.1', '', '.0f'),
    Column('of', 'anomalies in the field', '', '.0f'),
    Column('normal in the list', 'percent', '', '.1f'),
)
DRIFT = (
    Column('change', 'of the normals'),
    Column('above 90 %', 'percent above the threshold of 90 percent', '', '.0f'),
    Column('median p', 'median p-value', '', '.2f'),
    Column('suggested cause', 'what the warning says'),
)
UNDISTURBED = (
    Column('stamps', 'of a sample', '', ','),
    Column('samples', 'of normals as they are'),
    Column('warned of', 'samples'),
)


def small_calibrations(normals, scoring, *, repeats=200, fresh=1000, seed=1):
    """
    Rows of `FEW`: percent of fresh normals with p <= a, for calibrations of few normals.

    Beside the cross-fitted scores stand those that are compared with the trends that were fitted to
    themselves, as they were before, and what the number of normals allows.
    """
    for n in SIZES:
        if n >= len(normals):
            break
        rng = np.random.default_rng([seed, n])
        levels = {'0.2': 0.2, '0.1': 0.1, '0.05': 0.05, '1/(n+1)': 1 / (n + 1)}
        rates = {name: {'cross-fitted': [], 'not cross-fitted': []} for name in levels}
        for _ in range(repeats):
            order = rng.permutation(len(normals))
            own, new = normals[order[:n]], normals[order[n : n + fresh]]
            calibration = Calibration.from_measurements(own, scoring=scoring)
            scores = calibration.score(new)
            former = Calibration(scoring.score(own, calibration.trends))
            for way, judge in (('cross-fitted', calibration), ('not cross-fitted', former)):
                p_values = judge.p_values(scores)
                for name, level in levels.items():
                    rates[name][way].append(100 * np.mean(p_values <= level + 1e-12))
        for name, level in levels.items():
            allowed = np.floor(level * (n + 1) + 1e-9) / (n + 1)
            found = {
                way: estimate(np.mean(values), np.std(values) / np.sqrt(repeats))
                for way, values in rates[name].items()
            }
            yield {'normals': n, 'p at most': name, **found, 'allowed': 100 * allowed}


def contaminated_calibrations(normals, strange, scoring, *, n=600, repeats=100, seed=2):
    """
    Rows of `CONTAMINATED`: what a field finds that is calibrated on itself.

    ``strange`` is a dict of tables by class. Of each field of 5 n stamps so many are anomalies, of
    each class as many; a fifth of it calibrates.
    """
    for fraction in FRACTIONS:
        rng = np.random.default_rng([seed, round(100 * fraction)])
        found = {name: [] for name in ('false', 'disturbed', 'listed', 'false in list', 'fraction')}
        for _ in range(repeats):
            own, own_strange = _field(normals, strange, n, fraction, rng)
            field, field_strange = _field(normals, strange, 4 * n, fraction, rng)
            ways = {
                'none': Calibration.from_measurements(own, scoring=scoring),
                'estimate': Calibration.from_measurements(
                    own, scoring=scoring, contamination='estimate'
                ),
                'normals': Calibration.from_measurements(own[~own_strange], scoring=scoring),
            }
            found['fraction'].append(100 * ways['estimate'].contamination)
            numbers = []
            for calibration in ways.values():
                p_values = calibration.p_values(calibration.score(field))
                listed = q_values(p_values) <= 0.1
                disturbed = calibration.p_values(calibration.score(strange['disturbed']))
                numbers.append(
                    (
                        100 * np.mean(p_values[~field_strange] <= 0.1),
                        100 * np.mean(disturbed <= 0.1),
                        np.count_nonzero(listed & field_strange),
                        100 * np.count_nonzero(listed & ~field_strange) / max(1, listed.sum()),
                    )
                )
            for name, values in zip(list(found)[:4], np.transpose(numbers), strict=True):
                found[name].append(values)
        mean = {name: np.mean(values, axis=0) for name, values in found.items()}
        for k, way in enumerate(ways):
            yield {
                'anomalies': 100 * fraction,
                'correction': way,
                'estimated': estimate(mean['fraction'], np.std(found['fraction']))
                if way == 'estimate'
                else None,
                'false positives': mean['false'][k],
                'disturbed': mean['disturbed'][k],
                'listed': mean['listed'][k],
                'of': 4 * n * fraction,
                'normal in the list': mean['false in list'][k],
            }


def drifting_stamps(detector, *, n=500, seed=79):
    """Rows of `DRIFT`: normals that were changed, and what is said of them."""
    stamps = simulate('normal', n, seed=seed)
    noise = float(np.median(estimate_noise_rms(stamps.pixels)))
    pixels = stamps.pixels
    y, x = np.indices(pixels.shape[1:]) / (pixels.shape[1] - 1) - 0.5
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi, n)

    def moved(distance):
        steps = np.round(distance * np.stack([np.sin(angles), np.cos(angles)], axis=1)).astype(int)
        return np.array([np.roll(p, s, axis=(0, 1)) for p, s in zip(pixels, steps, strict=True)])

    strange = [simulate(kind, 30 * n // 500, seed=seed).pixels for kind in ANOMALIES]
    changes = {
        'none': pixels,
        '30 percent anomalies': np.concatenate([pixels[: n - sum(map(len, strange))], *strange]),
        'centers off by 1 pixel along x': np.roll(pixels, 1, axis=2),
        'by 3 pixels': np.roll(pixels, 3, axis=2),
        'by 1 pixel, each its own way': moved(1),
        'by half a pixel': np.array([shift(p, (0, 0.5), mode='nearest') for p in pixels]),
        'sky gradient of 1 sigma': pixels + noise * x,
        'of half a sigma, diagonal': pixels + 0.5 * noise * (x + y) / np.sqrt(2),
        'pedestal of +1 sigma': pixels + noise,
        'of -0.5 sigma': pixels - 0.5 * noise,
        'zero point, flux times 1.2': 1.2 * pixels,
        'times 0.8': 0.8 * pixels,
        'noise a fifth higher': pixels + 0.66 * noise * rng.normal(size=pixels.shape),
    }
    for name, changed in changes.items():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always', DriftWarning)
            table = detector.score(
                stamps.replace(pixels=changed.astype(np.float32), table=None), progress=False
            )
        causes = [str(w.message).partition(' suggests ')[2] for w in told]
        yield {
            'change': name,
            'above 90 %': 100 * np.mean(table['anomalous_90']),
            'median p': np.median(table['p_value']),
            'suggested cause': '; '.join(cause.partition('. ')[0] for cause in causes if cause),
        }


def undisturbed_samples(normals, detector, *, sizes=(25, 100, 1000), repeats=200, seed=3):
    """Rows of `UNDISTURBED`: of how many undisturbed samples of each size a warning is given."""
    rng = np.random.default_rng(seed)
    for n in sizes:
        told = 0
        for _ in range(repeats):
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter('always', DriftWarning)
                detector.score(normals[rng.permutation(len(normals))[:n]], progress=False)
            told += bool(heard)
        yield {'stamps': n, 'samples': repeats, 'warned of': told}


def _field(normals, strange, n, fraction, rng):
    """Rows of a field, and which of them are anomalies."""
    each = round(fraction * n / len(strange))
    parts = [normals[rng.permutation(len(normals))[: n - each * len(strange)]]]
    parts += [table[rng.permutation(len(table))[:each]] for table in strange.values()]
    table = vstack([part for part in parts if len(part)], metadata_conflicts='silent')
    table['id'] = np.arange(n)
    return table, np.arange(n) >= len(parts[0])
