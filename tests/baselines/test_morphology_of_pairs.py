"""Baselines on measured morphology, from pixels to the AUC."""

import numpy as np
import pytest
from astropy.table import vstack

from astro_wgan.baselines import IsolationForestScore, MorphologyKMeans
from astro_wgan.morphology import measure_morphology

pytest.importorskip('sklearn')
pytest.importorskip('statmorph')
from sklearn.metrics import roc_auc_score

#: Without smoothness, for which these galaxies are too small.
COLUMNS = ('concentration', 'asymmetry', 'gini', 'm20')

IS_PAIR = np.repeat([False, True], 20)


@pytest.fixture(scope='module')
def shapes(held_out, pairs):
    tables = [
        measure_morphology(stamps[:20], target='all', sersic=False, progress=False)
        for stamps in (held_out, pairs)
    ]
    return vstack(tables, metadata_conflicts='silent')


def test_kmeans_detects_pairs(shapes):
    table = MorphologyKMeans(columns=COLUMNS).fit(shapes, is_normal=~IS_PAIR).score(shapes)
    auc = roc_auc_score(IS_PAIR, table['score'])
    assert auc > 0.8
    # Table 1 of the paper: k-means has few false positives.
    assert table['anomalous'][~IS_PAIR].mean() <= 0.1
    assert table['anomalous'][IS_PAIR].mean() >= 0.4


def test_isolation_forest_detects_pairs(shapes):
    table = IsolationForestScore(columns=COLUMNS).fit(shapes[~IS_PAIR]).score(shapes)
    auc = roc_auc_score(IS_PAIR, table['score'])
    assert auc > 0.8
