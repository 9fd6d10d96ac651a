import numpy as np
import pytest

from astro_wgan.sources.companions import find_companions


def companions(fluxes, central, positions=None):
    """`find_companions` of one stamp."""
    fluxes = np.array(fluxes, dtype=float)
    x, y = np.zeros((2, len(fluxes))) if positions is None else np.array(positions, dtype=float).T
    sources = {
        'stamp': np.zeros(len(fluxes), dtype=int),
        'label': np.arange(1, len(fluxes) + 1),
        'x': x,
        'y': y,
        'kron_flux': fluxes,
    }
    found = find_companions(sources, np.array([central]))
    return {name: column[0] for name, column in found.items()}


@pytest.mark.parametrize(
    ('fluxes', 'central', 'ratio', 'kind', 'companion'),
    [
        ([6], 1, np.nan, 'none', 'none'),
        ([6, 12], 1, 0.5, '<1.5', 'bright'),
        ([6, 5], 1, 1.2, '<1.5', 'bright'),
        ([6, 4], 1, 1.5, '1.5-2', 'bright'),
        ([6, 3], 1, 2.0, '>2', 'faint'),
        ([1, 6, 2, 1.5], 2, 3.0, '>2', 'faint'),
        ([6, -3], 1, np.inf, '>2', 'faint'),
        ([-6, 3], 1, np.nan, 'unknown', 'unknown'),
        ([6, 3], 0, np.nan, 'unknown', 'unknown'),
        ([], 0, np.nan, 'unknown', 'unknown'),
    ],
)
def test_ratios_and_classes(fluxes, central, ratio, kind, companion):
    found = companions(fluxes, central)
    assert found['flux_ratio'] == pytest.approx(ratio, nan_ok=True)
    assert found['companion_class'] == kind
    assert found['companion'] == companion
    assert found['n_neighbors'] == len(fluxes) - (central > 0)


def test_the_brightest_neighbor_counts_not_the_nearest():
    found = companions([10, 2, 4, 1], 1, [(10, 10), (11, 10), (13, 14), (10, 9)])
    assert found['neighbor_row'] == 2
    assert found['separation'] == pytest.approx(5)
    assert found['flux_ratio'] == pytest.approx(2.5)


def test_stamps_are_apart():
    sources = {
        'stamp': np.array([0, 0, 2, 2, 2]),
        'label': np.array([1, 2, 1, 2, 3]),
        'x': np.zeros(5),
        'y': np.array([0.0, 3, 0, 5, 9]),
        'kron_flux': np.array([100.0, 50, 1, 4, 2]),
    }
    found = find_companions(sources, np.array([1, 0, 3, 0]))
    assert found['n_neighbors'].tolist() == [1, 0, 2, 0]
    assert found['central_row'].tolist() == [0, -1, 4, -1]
    assert found['neighbor_row'].tolist() == [1, -1, 3, -1]
    assert np.allclose(found['flux_ratio'], [2, np.nan, 0.5, np.nan], equal_nan=True)
    assert np.allclose(found['separation'], [3, np.nan, 4, np.nan], equal_nan=True)
