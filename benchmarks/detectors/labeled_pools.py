"""Scores and features of sources whose truth is known, for simulated users who label them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astro_wgan import datasets
from astro_wgan.anomaly.combined_score import CONTRIBUTIONS
from astro_wgan.files.atomic import read_arrays, write_arrays
from astro_wgan.labeling import LabelFile
from astro_wgan.simulate import simulate
from benchmarks.detectors.labeled_rows import Task
from benchmarks.detectors.labeled_stamps import HALVES, read_labeled

__all__ = ['INTERESTING', 'ARTIFACT', 'ORDINARY', 'Sources', 'real_sources', 'simulated_sources']

INTERESTING, ARTIFACT, ORDINARY = LabelFile.standard

#: Configuration of the simulated galaxies, and seeds of each half: that of the report is of the
#: frozen test stamps.
_CONFIG, _SEEDS = 'benchmark-1', {'choice': 11, 'report': 2}
_CLASSES = {
    'pair': INTERESTING,
    'disturbed': INTERESTING,
    'ring': INTERESTING,
    'lens': INTERESTING,
    'artifact': ARTIFACT,
}
#: What people would say of the classes of the real sets.
_BY_EYE = {'merger': INTERESTING, "don't know": ARTIFACT}


@dataclass(frozen=True)
class Sources:
    """
    Sources that may be drawn into a pool.

    Attributes
    ----------
    score : `~numpy.ndarray`, shape (n,)
        Of the detector, which has seen no label.
    features : `~numpy.ndarray`, shape (n, d)
    terms : `~numpy.ndarray`, shape (n, k)
        What each term contributes to the score.
    label : `~numpy.ndarray` of str, shape (n,)
        What a person would say.
    kind : `~numpy.ndarray` of str, shape (n,)
        Class, as the simulation or the catalog has it.
    """

    score: np.ndarray
    features: np.ndarray
    terms: np.ndarray
    label: np.ndarray
    kind: np.ndarray

    def __len__(self):
        return len(self.score)

    def __getitem__(self, rows):
        names = self.__dataclass_fields__
        return Sources(**{name: getattr(self, name)[rows] for name in names})


def simulated_sources(half, *, normals, anomalies, folder):
    """
    Simulated galaxies and anomalies, scored by the model of the package.

    Parameters
    ----------
    half : {'choice', 'report'}
    normals, anomalies : int
        Number of normal galaxies, and of each class of anomalies.
    folder : `~pathlib.Path`
        Where stamps and results are kept.

    Returns
    -------
    Sources
    """
    path = folder / f'simulated-{half}-{normals}-{anomalies}.npz'
    if not path.exists():
        counts = {'normal': normals} | dict.fromkeys(_CLASSES, anomalies)
        parts = [
            simulate(
                {kind: n},
                config=_CONFIG,
                seed=_SEEDS[half],
                output=folder / f'{kind}-{half}-{n}.zarr',
            )[:]
            for kind, n in counts.items()
        ]
        kind = np.repeat([*counts], [len(part) for part in parts])
        label = np.array([_CLASSES.get(each, ORDINARY) for each in kind.tolist()])
        _write(path, datasets.load_model(), parts, kind=kind, label=label)
    return Sources(**read_arrays(path))


def real_sources(data, half, *, iterations, seed, folder, limit=None):
    """
    Labeled stamps of real galaxies, scored by a detector that half of the normals have trained.

    The other half of the normals of training and calibration are fresh ones beside those of the
    test, of which there are few.

    Parameters
    ----------
    data : path-like
        See `~benchmarks.detectors.labeled_stamps.read_labeled`.
    half : {'choice', 'report'}
    iterations, seed : int
        Of the training.
    folder : `~pathlib.Path`
        Where the detector and results are kept.
    limit : int, optional
        Stamps of each class and split, at most.

    Returns
    -------
    Sources
    """
    sample = read_labeled(Path(data))
    sample = sample if limit is None else sample.limited(limit)
    folder = folder / f'{sample.name}-{iterations}-{seed}{"" if limit is None else f"-{limit}"}'
    paths = {each: folder / f'{each}.npz' for each in HALVES}
    if not paths[half].exists():
        folder.mkdir(parents=True, exist_ok=True)
        learned, fresh = {}, []
        for split in ('train', 'calibrate'):
            rows = sample.rows(split)
            learned[split], others = rows[0::2], rows[1::2]
            fresh.append(others)
        rows = np.concatenate([*fresh, sample.rows('test')])
        task = Task(
            sample.stamps[learned['train']],
            sample.stamps[learned['calibrate']],
            sample.stamps[rows],
            strange=~sample.normal[rows],
            labels=sample.labels[rows],
            seed=seed,
            iterations=iterations,
            minutes=0,
            folder=folder,
            name=sample.name,
        )
        detector = task.detector()
        for each in HALVES:
            some = rows[sample.half[rows] == each]
            kind = np.where(sample.normal[some], 'normal', sample.labels[some])
            label = np.array([_BY_EYE.get(name, ORDINARY) for name in kind.tolist()])
            _write(paths[each], detector, [sample.stamps[some]], kind=kind, label=label)
    return Sources(**read_arrays(paths[half]))


def _write(path, detector, parts, **columns):
    """Scores and features of stamps, in the order of the parts."""
    found = {'score': [], 'features': [], 'terms': []}
    for k, stamps in enumerate(parts):
        output = {name: f'{path}-{k}.{name}' for name in ('score', 'features')}
        table = detector.score(stamps, output=output['score'])
        features = detector.features(stamps, output=output['features'])
        found['score'].append(np.asarray(table['score']))
        found['features'].append(np.asarray(features['features']))
        names = [name for name in CONTRIBUTIONS if name in table.colnames]
        found['terms'].append(np.column_stack([np.asarray(table[name]) for name in names]))
    arrays = {name: np.concatenate(values) for name, values in found.items()}
    write_arrays(path, **arrays, **columns)
