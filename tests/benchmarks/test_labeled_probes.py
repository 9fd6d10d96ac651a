from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import QTable

pytest.importorskip('sklearn')

from benchmarks.detectors.labeled_probes import labeled_row, probes


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('WGAN', ('WGAN', None)),
        ('critic, low', ('critic, low', None)),
        ('supervised, merger', ('supervised', 'merger')),
        ("probe: critic, don't know, or so", ('probe: critic', "don't know, or so")),
    ],
)
def test_rows_that_were_shown_labels_say_which(name, expected):
    assert labeled_row(name) == expected


def test_each_network_is_probed_by_itself():
    rng = np.random.default_rng(1)
    labels = np.repeat(['normal', 'ring', 'merger'], [100, 40, 40])
    features = rng.normal(size=(180, 5))
    # The first network sees rings, the second mergers.
    features[:, 1] += 5 * (labels == 'ring')
    features[:, 4] += 5 * (labels == 'merger')
    table = QTable({'features': features}, meta={'features': {'critic': 2, 'encoder': 3}})
    task = SimpleNamespace(
        features=lambda: [table[:7], table],
        held_out=range(7),
        tested=range(180),
        strange=labels != 'normal',
        labels=labels,
        seed=1,
    )
    found = probes(task)
    assert {labeled_row(name) for name in found} == {
        (f'probe: {part}', kind)
        for part in ('all', 'critic', 'encoder')
        for kind in ('ring', 'merger')
    }
    for part, kind, expected in (
        ('all', 'ring', 1.0),
        ('critic', 'ring', 1.0),
        ('encoder', 'ring', 0.5),
        ('critic', 'merger', 0.5),
        ('encoder', 'merger', 1.0),
    ):
        held_out, odds = found[f'probe: {part}, {kind}']
        assert np.isnan(held_out).all()
        assert np.isnan(odds).tolist() == (~np.isin(labels, ['normal', kind])).tolist()
        higher = odds[labels == kind][:, np.newaxis] > odds[labels == 'normal']
        assert higher.mean() == pytest.approx(expected, abs=0.15)
