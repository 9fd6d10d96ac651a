"""The simulated stamps that detectors learn from and are judged by, and their shapes."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from astropy.table import vstack

from astro_wgan.morphology import measure_morphology
from astro_wgan.simulate import CLASSES, SimulationConfig, get_simulation_config, simulate

__all__ = ['ANOMALIES', 'Populations', 'fingerprint']

ANOMALIES = tuple(kind for kind in CLASSES if kind != 'normal')

#: Seeds of the frozen sets, whose first stamps these are; a third for normals that set thresholds.
_TRAIN, _TEST, _HELD_OUT = 1, 2, 3


def fingerprint(config, n=3):
    """What tells one version of a configuration, and of the code that draws it, from another."""
    digest = sha256(repr(get_simulation_config(config)).encode())
    for kind in CLASSES:
        digest.update(simulate(kind, n, config=config, seed=_TEST).pixels.tobytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Populations:
    """
    All stamps of a run, simulated when they are first asked for.

    Attributes
    ----------
    config : str or `~astro_wgan.simulate.SimulationConfig`
        By its name, or as it is.
    folder : path-like
        Where stamps and shapes are kept: for this version of the configuration alone.
    normals, test, shapes : int
        Normals to learn from; stamps of each class to score; stamps of each set that statmorph
        measures.
    thresholds : int, optional
        Normals that set thresholds: as many as are scored of each class, unless given.
    processes : int
        That simulate and measure at the same time.
    classes : tuple of str
        That are tested.
    """

    config: str | SimulationConfig
    folder: Path
    normals: int
    test: int
    shapes: int
    thresholds: int | None = None
    processes: int = 1
    classes: tuple = CLASSES
    _measured: dict = field(default_factory=dict, repr=False)

    @cached_property
    def train(self):
        """Normals to learn from."""
        return self._simulated('normal', self.normals, _TRAIN)

    @cached_property
    def labeled(self):
        """Anomalies by class that only detectors which know them are shown; none is tested."""
        n = max(self.normals // 4, self.shapes)
        return {kind: self._simulated(kind, n, _TRAIN) for kind in ANOMALIES}

    @cached_property
    def held_out(self):
        """Normals that set the thresholds."""
        n = self.test if self.thresholds is None else self.thresholds
        return self._simulated('normal', n, _HELD_OUT)

    @cached_property
    def tested(self):
        """Stamps by class, fresh normals among them, that are scored."""
        return {kind: self._simulated(kind, self.test, _TEST) for kind in self.classes}

    def shapes_of(self, name, kind='normal'):
        """Table of shapes, all sources of a stamp as one; ``name`` is that of a set."""
        if (name, kind) not in self._measured:
            stamps = getattr(self, name)
            stamps = stamps[kind] if isinstance(stamps, dict) else stamps
            stamps = stamps[: self.shapes]
            path = self.folder / f'{name}-{kind}-{len(stamps)}.shapes'
            self._measured[name, kind] = measure_morphology(
                stamps, target='all', sersic=False, processes=self.processes, output=path
            )
        return self._measured[name, kind]

    def labeled_shapes(self):
        """Shapes of normals, pairs and disturbed galaxies, and which of them are normal."""
        parts = [self.shapes_of('train')]
        parts += [self.shapes_of('labeled', kind) for kind in ('pair', 'disturbed')]
        table = vstack(parts, metadata_conflicts='silent')
        return table, np.arange(len(table)) < len(parts[0])

    def _simulated(self, kind, n, seed):
        """The first stamps of a class, from a store that holds as many or more."""
        paths = {int(p.stem.split('-')[-1]): p for p in self.folder.glob(f'{kind}-{seed}-*.zarr')}
        held = min((held for held in paths if held >= n), default=n)
        path = self.folder / f'{kind}-{seed}-{held}.zarr'
        options = {'config': self.config, 'seed': seed, 'processes': self.processes}
        return simulate({kind: held}, output=path, **options)[:n]
