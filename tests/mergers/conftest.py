import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable


@pytest.fixture
def draw():
    return draw_trees


def draw_trees(branches, *, step=0.1):
    """
    A table from hand-drawn trees.

    Each branch is a letter with its ``snapshots`` (a range or a list; those left out are skipped),
    its ``mass``, its distance ``x`` (a number, or one for each snapshot) and the branch that it
    joins, ``into``, after its last snapshot. The galaxy of branch A in snapshot 3 is id 103, that
    of B 203. Effective radii are 1 kpc, snapshots are ``step`` Gyr apart.
    """
    rows = []
    present = {name: list(drawn['snapshots']) for name, drawn in branches.items()}
    for name, drawn in branches.items():
        snapshots = present[name]
        x = np.broadcast_to(drawn.get('x', 0.0), len(snapshots))
        mass = np.broadcast_to(drawn.get('mass', 1.0), len(snapshots))
        for i, snapshot in enumerate(snapshots):
            descendant = -1
            if i + 1 < len(snapshots):
                descendant = galaxy_id(name, snapshots[i + 1])
            elif 'into' in drawn:
                later = [s for s in present[drawn['into']] if s > snapshot]
                descendant = galaxy_id(drawn['into'], min(later))
            rows.append((galaxy_id(name, snapshot), snapshot, descendant, mass[i], x[i]))
    ids, snapshot, descendant, mass, x = map(np.array, zip(*rows, strict=True))
    return QTable(
        {
            'id': ids,
            'snapshot': snapshot,
            'time': (1 + step * snapshot) * u.Gyr,
            'stellar_mass': mass * 1e10 * u.Msun,
            'descendant_id': descendant,
            'position': np.column_stack([x, 0 * x, 0 * x]) * u.kpc,
            'half_light_radius': np.ones(len(ids)) * u.kpc,
        }
    )


def galaxy_id(name, snapshot):
    return 100 * (ord(name) - ord('A') + 1) + snapshot
