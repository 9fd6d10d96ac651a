"""Wings of sources in segmentation images."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from astro_wgan.neighbors.source_extent import extended_labels


def by_brute_force(labels, margin, wings):
    """The source with the smallest distance relative to its reach, if that is at most 1."""
    extended = labels.copy()
    sky = np.argwhere(labels == 0)
    numbers = np.unique(labels[labels > 0])
    relative = []
    for number in numbers:
        own = np.argwhere(labels == number)
        reach = margin + wings * np.sqrt(len(own) / np.pi)
        relative.append(cdist(sky, own).min(axis=1) / max(reach, 1e-9))
    relative = np.array(relative)
    near = relative.min(axis=0) <= 1
    extended[tuple(sky[near].T)] = numbers[relative.argmin(axis=0)[near]]
    return extended


@pytest.mark.parametrize(('margin', 'wings'), [(0, 0), (1.5, 0.25), (3, 0), (0, 1)])
def test_the_nearest_source_relative_to_its_extent_has_the_wings(margin, wings, monkeypatch):
    monkeypatch.setattr('astro_wgan.neighbors.source_extent._ROWS', 12)
    labels = np.zeros((50, 60), dtype=np.int32)
    y, x = np.indices(labels.shape)
    for number, (x0, y0, radius) in enumerate([(15, 20, 9), (27, 20, 2), (45, 30, 5), (52, 8, 1)]):
        labels[(np.hypot(x - x0, y - y0) <= radius) & (labels == 0)] = number + 1
    expected = by_brute_force(labels, margin, wings)
    found = extended_labels(labels, margin=margin, wings=wings)
    # Within one transform the nearest source is asked for, not the relatively nearest.
    assert np.array_equal(found > 0, expected > 0)
    differ = found != expected
    assert differ.sum() <= 0.02 * (expected > 0).sum()
    assert np.array_equal(found[labels > 0], labels[labels > 0])


def test_an_empty_sky_stays_empty():
    labels = np.zeros((8, 9), dtype=np.int32)
    assert np.array_equal(extended_labels(labels, margin=5, wings=1), labels)


def test_the_argument_is_not_changed():
    labels = np.eye(5, dtype=np.int32)
    extended_labels(labels, margin=1, wings=0)
    assert np.array_equal(labels, np.eye(5))
