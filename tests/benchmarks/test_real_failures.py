"""Which stamps the figures of the worst failures show."""

import numpy as np
import pytest

pytest.importorskip('matplotlib')
from benchmarks.figures.real_failures import worst_rows


def test_false_alarms_are_the_highest_normals_and_misses_the_lowest_anomalies():
    score = [3.0, np.nan, 9.0, 1.0, 5.0, np.nan, 0.5]
    normal = np.array([True, True, False, False, True, False, True])
    worst = worst_rows(score, normal, 2)
    assert worst['false alarm'].tolist() == [4, 0]
    assert worst['miss'].tolist() == [3, 2]


def test_there_may_be_fewer_than_asked_for():
    worst = worst_rows([1.0, 2.0], np.array([True, False]), 6)
    assert [len(found) for found in worst.values()] == [1, 1]
