"""Calibrations that are small, not wholly normal, or of other conditions than what is scored."""

import warnings

import numpy as np
from astropy.table import Table, vstack
from scipy.ndimage import shift

from astro_wgan.anomaly import Calibration, q_values
from astro_wgan.exceptions import DriftWarning
from astro_wgan.noise import estimate_noise_rms
from astro_wgan.simulate import simulate
from benchmarks.detectors.populations import ANOMALIES

__all__ = ['contaminated_calibrations', 'drifting_stamps', 'quiet_samples', 'small_calibrations']

SIZES = (10, 30, 100, 300, 1000)
SHARES = (0.0, 0.05, 0.1, 0.2)


def small_calibrations(normals, scoring, *, repeats=200, fresh=1000, seed=1):
    """
    Per cent of fresh normals with p <= a, for calibrations of few normals.

    Beside the cross-fitted scores stand those that are compared with the trends that were fitted to
    themselves, as they were before, and what the number of normals allows.
    """
    rows = []
    for n in SIZES:
        rng = np.random.default_rng([seed, n])
        levels = {'0.2': 0.2, '0.1': 0.1, '0.05': 0.05, '1/(n+1)': 1 / (n + 1)}
        rates = {name: {'cross-fitted': [], 'before': []} for name in levels}
        for _ in range(repeats):
            order = rng.permutation(len(normals))
            own, new = normals[order[:n]], normals[order[n : n + fresh]]
            calibration = Calibration.fit(own, scoring=scoring)
            scores = calibration.score(new)
            before = Calibration(scoring.score(own, calibration.trends))
            for way, judge in (('cross-fitted', calibration), ('before', before)):
                p_values = judge.p_value(scores)
                for name, level in levels.items():
                    rates[name][way].append(np.mean(p_values <= level + 1e-12))
        row = {'normals': str(n)}
        for name, level in levels.items():
            allowed = np.floor(level * (n + 1) + 1e-9) / (n + 1)
            found = [
                f'{100 * np.mean(values):.2f} ± {100 * np.std(values) / np.sqrt(repeats):.2f}'
                for values in rates[name].values()
            ]
            row[f'p ≤ {name}'] = f'{found[0]} ({found[1]}; {100 * allowed:.1f})'
        rows.append(row)
    return Table(rows=rows)


def contaminated_calibrations(normals, strange, scoring, *, n=600, repeats=100, seed=2):
    """
    What a field finds that is calibrated on itself.

    ``strange`` is a dict of tables by class. Of each field of 5 n stamps so many are anomalies, of
    each class as many; a fifth of it calibrates. Each cell is by no correction, by the estimated
    share, and by normals alone, which nobody has.
    """
    rows = []
    for share in SHARES:
        rng = np.random.default_rng([seed, round(100 * share)])
        found = {name: [] for name in ('false', 'disturbed', 'listed', 'false in list', 'share')}
        for _ in range(repeats):
            own, own_strange = _field(normals, strange, n, share, rng)
            field, field_strange = _field(normals, strange, 4 * n, share, rng)
            ways = {
                'none': Calibration.fit(own, scoring=scoring),
                'estimate': Calibration.fit(own, scoring=scoring, contamination='estimate'),
                'normals': Calibration.fit(own[~own_strange], scoring=scoring),
            }
            found['share'].append(100 * ways['estimate'].contamination)
            numbers = []
            for calibration in ways.values():
                p_values = calibration.p_value(calibration.score(field))
                listed = q_values(p_values) <= 0.1
                disturbed = calibration.p_value(calibration.score(strange['disturbed']))
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
        rows.append(
            {
                'anomalies, %': f'{100 * share:.0f}',
                'estimated, %': f'{mean["share"]:.1f} ± {np.std(found["share"]):.1f}',
                'false positives at 90 %': _three(mean['false']),
                'disturbed found at 90 %': _three(mean['disturbed'], 0),
                'anomalies listed, q ≤ 0.1': f'{_three(mean["listed"], 0)} of {4 * n * share:.0f}',
                'normal in the list, %': _three(mean['false in list']),
            }
        )
    return Table(rows=rows)


def drifting_stamps(detector, *, n=500, seed=79):
    """Normals that were changed, and what is said of them."""
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
        '30 per cent anomalies': np.concatenate([pixels[: n - sum(map(len, strange))], *strange]),
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
    rows = []
    for name, changed in changes.items():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always', DriftWarning)
            table = detector.score(
                stamps.replace(pixels=changed.astype(np.float32), table=None), progress=False
            )
        said = [str(w.message).split(': it looks like ') for w in told]
        rows.append(
            {
                'change': name,
                'above 90 %': f'{100 * np.mean(table["anomalous_90"]):.0f}',
                'median p': f'{np.median(table["p_value"]):.2f}',
                'it looks like': '; '.join(
                    part.split('. ')[0] for words in said for part in words[1:]
                ),
            }
        )
    return Table(rows=rows)


def quiet_samples(normals, detector, *, sizes=(25, 100, 1000), repeats=200, seed=3):
    """How many of so many honest samples of each size are warned of."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in sizes:
        told = 0
        for _ in range(repeats):
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter('always', DriftWarning)
                detector.score(normals[rng.permutation(len(normals))[:n]], progress=False)
            told += bool(heard)
        rows.append({'stamps': str(n), 'samples': str(repeats), 'warned of': str(told)})
    return Table(rows=rows)


def _field(normals, strange, n, share, rng):
    """Rows of a field, and which of them are anomalies."""
    each = round(share * n / len(strange))
    parts = [normals[rng.permutation(len(normals))[: n - each * len(strange)]]]
    parts += [table[rng.permutation(len(table))[:each]] for table in strange.values()]
    table = vstack([part for part in parts if len(part)], metadata_conflicts='silent')
    table['id'] = np.arange(n)
    return table, np.arange(n) >= len(parts[0])


def _three(values, digits=1):
    return ' / '.join(f'{value:.{digits}f}' for value in values)
