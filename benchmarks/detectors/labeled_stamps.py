"""Stamps of real galaxies with labels: read from a file or a folder, and halved once for all."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from astro_wgan import StampSet
from astro_wgan.noise import estimate_noise_rms

__all__ = ['HALVES', 'LabeledStamps', 'half_of', 'read_labeled']

#: Of the test stamps: settings are chosen by one, and figures reported of the other.
HALVES = ('choice', 'report')
SPLITS = ('train', 'calibrate', 'test')
_IMAGES = ('.fits', '.fits.gz', '.fits.fz', '.png', '.jpg', '.jpeg')


@dataclass(frozen=True)
class LabeledStamps:
    """
    A set of labeled stamps, and what each of them is for.

    Attributes
    ----------
    name : str
    stamps : `~astro_wgan.StampSet`
    labels : `~numpy.ndarray` of str, shape (n,)
        Class by eye.
    normal : `~numpy.ndarray` of bool, shape (n,)
        Whether the class counts as normal.
    split : `~numpy.ndarray` of str, shape (n,)
        ``'train'``, ``'calibrate'`` or ``'test'``.
    confounds : dict of `~numpy.ndarray`, shape (n,)
        What may tell anomalies from normals without being what makes them anomalies; ``noise``,
        ``size`` and ``brightness`` of the stamps, unless the file has columns of its own.
    """

    name: str
    stamps: StampSet
    labels: np.ndarray
    normal: np.ndarray
    split: np.ndarray
    confounds: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.labels)

    @cached_property
    def half(self):
        """Which half each stamp is in, of `HALVES`: by its id, the same in every run."""
        return half_of(self.stamps.ids)

    def rows(self, split, *, half=None, label=None, normal=None):
        """Rows of one split; of one half, one class, normals or anomalies alone where asked for."""
        some = self.split == split
        if half is not None:
            some = some & (self.half == half)
        if label is not None:
            some = some & (self.labels == label)
        if normal is not None:
            some = some & (self.normal == normal)
        return np.flatnonzero(some)

    @property
    def anomalies(self):
        """Names of the classes that are not normal, in the test split."""
        return np.unique(self.labels[self.rows('test', normal=False)]).tolist()

    def limited(self, count):
        """The first stamps of each class and split, at most so many."""
        groups = {}
        for row, key in enumerate(zip(self.split.tolist(), self.labels.tolist(), strict=True)):
            groups.setdefault(key, []).append(row)
        rows = np.sort(np.concatenate([group[:count] for group in groups.values()]))
        confounds = {name: values[rows] for name, values in self.confounds.items()}
        parts = (self.labels[rows], self.normal[rows], self.split[rows])
        return LabeledStamps(self.name, self.stamps[rows], *parts, confounds)


def half_of(ids):
    """
    ``'choice'`` or ``'report'`` for each id, by the first byte of its SHA-256 digest.

    >>> half_of(['588848901537202306', '588848901532418163']).tolist()
    ['report', 'choice']
    """
    odd = [sha256(str(name).encode()).digest()[0] % 2 for name in ids]
    return np.array(HALVES)[odd]


def read_labeled(path, *, color=False):
    """
    Read labeled stamps.

    Parameters
    ----------
    path : path-like
        An npz file with ``images`` (n, ny, nx) or (n, ny, nx, bands), ``labels`` and ``split``; if
        they are there, also ``ids``, ``normal`` (otherwise: which label is ``'normal'``), and
        ``sky_noise``, which then is the confound ``noise``. Or a folder with FITS, PNG or JPEG
        files in ``train``, ``calibrate`` and ``test``, in each a folder for every label;
        ``normal`` is the one that counts as normal.
    color : bool
        Keep the bands, otherwise their mean.

    Raises
    ------
    ValueError
        If a split has no normals, or nothing in it is anomalous.
    """
    path = Path(path)
    found = _read_folder(path) if path.is_dir() else _read_npz(path)
    stamps, labels, split, normal, confounds = found
    pixels = stamps.pixels
    if pixels.ndim == 4 and not color:
        stamps = StampSet(pixels.mean(axis=-1), table=stamps.table)
    name = path.parent.name if path.suffix == '.npz' and path.stem == 'stamps' else path.stem
    confounds = measure_confounds(stamps) | confounds
    found = LabeledStamps(name, stamps, labels, normal, split, confounds)
    for part in SPLITS:
        if not len(found.rows(part, normal=True)):
            raise ValueError(f'{path} must have normals in each of {SPLITS}; {part!r} has none.')
    if not found.anomalies:
        raise ValueError(f'{path} must have stamps in test that are not normal; it has none.')
    return found


def measure_confounds(stamps):
    """Noise, half-light radius and flux of the light around the center, and in that order."""
    pixels = stamps.pixels if stamps.pixels.ndim == 3 else stamps.pixels.mean(axis=-1)
    n, ny, nx = pixels.shape
    y, x = np.mgrid[:ny, :nx]
    radius = np.hypot(y - (ny - 1) / 2, x - (nx - 1) / 2).ravel()
    order = np.argsort(radius)
    order = order[radius[order] < 0.45 * min(ny, nx)]
    border = np.ones((ny, nx), bool)
    border[4:-4, 4:-4] = False
    sky = np.median(pixels[:, border], axis=1)
    light = (pixels.reshape(n, -1)[:, order] - sky[:, np.newaxis]).astype(float)
    growth = np.cumsum(light, axis=1)
    half = np.argmax(growth >= growth[:, -1:] / 2, axis=1)
    return {
        'noise': np.asarray(estimate_noise_rms(pixels), dtype=float),
        'size': radius[order][half],
        'brightness': growth[:, -1],
    }


def _read_npz(path):
    with np.load(path) as file:
        found = {name: file[name] for name in file.files}
    labels, split = (found[name].astype(str) for name in ('labels', 'split'))
    normal = found.get('normal', labels == 'normal')
    ids = found['ids'].astype(str) if 'ids' in found else np.arange(len(labels)).astype(str)
    stamps = StampSet(found['images'].astype(np.float32), table={'id': ids})
    # In the other splits a stamp that is not normal would be an anomaly that nobody told of.
    told = (split == 'test') | normal
    noise = {'noise': found['sky_noise'].astype(float)[told]} if 'sky_noise' in found else {}
    return stamps[told], labels[told], split[told], normal[told], noise


def _read_folder(folder):
    paths = sorted(
        path
        for split in SPLITS
        for path in folder.glob(f'{split}/*/*')
        if path.name.lower().endswith(_IMAGES)
    )
    labels = np.array([path.parent.name for path in paths])
    split = np.array([path.parent.parent.name for path in paths])
    stamps = StampSet.from_files(paths, progress=False)
    return stamps, labels, split, labels == 'normal', {}
