import sys

import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, QTable

from astro_wgan.baselines import CAS_GINI_M20, IsolationForestScore, MorphologyKMeans
from astro_wgan.exceptions import NotFittedError

pytest.importorskip('sklearn')
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope='module')
def shapes():
    """Morphology of 300 normal galaxies and 100 mergers, with typical means and scatters."""
    rng = np.random.default_rng(1)
    normal = rng.normal([3, 0.05, 0.02, 0.5, -1.7], [0.4, 0.05, 0.02, 0.03, 0.15], size=(300, 5))
    merger = rng.normal([2.6, 0.4, 0.06, 0.55, -1.1], [0.4, 0.15, 0.03, 0.04, 0.25], size=(100, 5))
    table = QTable(np.concatenate([normal, merger]), names=CAS_GINI_M20)
    table['id'] = np.arange(400) + 1000
    return table


@pytest.fixture(scope='module')
def known():
    """Half of the normal galaxies are known to be normal."""
    return (np.arange(400) < 300) & (np.arange(400) % 2 == 0)


def test_assignment_is_that_of_scikit_learn(shapes, known):
    table = MorphologyKMeans(seed=3).fit(shapes, is_normal=known).score(shapes)
    values = StandardScaler().fit_transform(np.array([shapes[name] for name in CAS_GINI_M20]).T)
    cluster = KMeans(2, n_init=10, random_state=3).fit_predict(values)
    normal_cluster = cluster[:300].mean() > 0.5
    np.testing.assert_array_equal(table['anomalous'], cluster != normal_cluster)
    np.testing.assert_array_equal(table['id'], shapes['id'])


def test_score_is_positive_in_the_anomalous_cluster(shapes, known):
    table = MorphologyKMeans().fit(shapes, is_normal=known).score(shapes)
    np.testing.assert_array_equal(table['anomalous'], table['score'] > 0)
    assert table['anomalous'][:300].mean() < 0.1
    assert table['anomalous'][300:].mean() > 0.8
    assert roc_auc_score(np.arange(400) >= 300, table['score']) > 0.95


def test_normal_cluster_may_be_the_smaller_one(shapes):
    few = shapes[250:]
    table = MorphologyKMeans().fit(few, is_normal=np.arange(150) < 50).score(few)
    assert table['anomalous'][:50].mean() < 0.2
    assert table['anomalous'][50:].mean() > 0.8
    swapped = MorphologyKMeans().fit(few, is_normal=np.arange(150) >= 50).score(few)
    np.testing.assert_allclose(swapped['score'], -table['score'])


def test_rows_with_missing_values_have_no_score_and_are_not_fitted(shapes, known):
    spoilt = shapes.copy()
    spoilt['asymmetry'][5] = np.nan
    spoilt['m20'] = MaskedColumn(spoilt['m20'], mask=np.arange(400) == 310)
    table = MorphologyKMeans().fit(spoilt, is_normal=known).score(spoilt)
    assert np.flatnonzero(np.isnan(table['score'])).tolist() == [5, 310]
    assert np.flatnonzero(~table['usable']).tolist() == [5, 310]
    assert not table['anomalous'][[5, 310]].any()
    keep = np.setdiff1d(np.arange(400), [5, 310])
    others = MorphologyKMeans().fit(shapes[keep], is_normal=known[keep]).score(shapes[keep])
    np.testing.assert_allclose(table['score'][keep], others['score'])


def test_quantities_are_converted(shapes, known):
    table = shapes.copy()
    table['radius'] = (1 + np.arange(400) / 100) * u.arcsec
    columns = [*CAS_GINI_M20, 'radius']
    kmeans = MorphologyKMeans(columns=columns).fit(table, is_normal=known)
    other = table.copy()
    other['radius'] = table['radius'].to(u.mas)
    np.testing.assert_allclose(kmeans.score(other)['score'], kmeans.score(table)['score'])
    other['radius'] = np.ones(400) * u.pix
    with pytest.raises(u.UnitConversionError):
        kmeans.score(other)


def test_arrays_give_the_same_scores(shapes, known):
    values = np.array([shapes[name] for name in CAS_GINI_M20]).T
    from_array = MorphologyKMeans().fit(values, is_normal=known)
    expected = MorphologyKMeans().fit(shapes, is_normal=known).score(shapes)['score']
    np.testing.assert_allclose(from_array.score(values)['score'], expected)
    np.testing.assert_allclose(from_array.score(shapes)['score'], expected)
    with pytest.raises(ValueError, match='5 features'):
        from_array.score(values[:, :1])


@pytest.mark.parametrize('kind', [MorphologyKMeans, IsolationForestScore])
def test_error_without_scikit_learn_names_the_extra(shapes, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, 'sklearn', None)
    is_normal = {'is_normal': np.ones(400, bool)} if kind is MorphologyKMeans else {}
    with pytest.raises(ImportError, match=r'astro_wgan\[baselines\]'):
        kind().fit(shapes, **is_normal)


def test_constant_columns_have_scores(shapes, known):
    table = shapes.copy()
    table['smoothness'] = 0.0
    assert np.isfinite(MorphologyKMeans().fit(table, is_normal=known).score(table)['score']).all()


def test_bad_arguments_are_refused(shapes, known):
    with pytest.raises(ValueError, match=r"lacks \['gini'\]"):
        MorphologyKMeans().fit(
            shapes['concentration', 'asymmetry', 'smoothness', 'm20'], is_normal=known
        )
    with pytest.raises(ValueError, match='400 values, one per row'):
        MorphologyKMeans().fit(shapes, is_normal=known[:7])
    with pytest.raises(ValueError, match='0 of them normal'):
        MorphologyKMeans().fit(shapes, is_normal=np.zeros(400, bool))
    with pytest.raises(NotFittedError, match='MorphologyKMeans'):
        MorphologyKMeans().score(shapes)


@pytest.mark.parametrize('kind', ['frame', 'reversed frame', 'dict', 'masked array'])
def test_features_are_matched_by_name(shapes, known, kind):
    columns = {name: np.asarray(shapes[name]) for name in CAS_GINI_M20}
    right = MorphologyKMeans(seed=3).fit(shapes, is_normal=known).score(shapes)['score']
    if kind == 'masked array':
        values = np.stack([*columns.values()], axis=1)
        given = np.ma.array(values, mask=False)
        given[7, 2] = np.ma.masked
        given.data[7, 2] = -9999
        score = MorphologyKMeans(seed=3).fit(given, is_normal=known).score(given)['score']
        assert np.isnan(score[7])
        assert np.isfinite(np.delete(score, 7)).all()
        return
    if kind != 'dict':
        pandas = pytest.importorskip('pandas')
        given = pandas.DataFrame({**columns, 'other': np.arange(400.0)})
        given = given[given.columns[::-1]] if kind == 'reversed frame' else given
    else:
        given = columns
    score = MorphologyKMeans(seed=3).fit(given, is_normal=known).score(given)['score']
    assert np.array_equal(score, right)


def test_masked_is_normal_is_unknown(shapes, known):
    unknown = np.arange(400) < 40
    given = np.ma.array(np.where(unknown, ~known, known), mask=unknown)
    right = MorphologyKMeans(seed=3).fit(shapes, is_normal=known & ~unknown)
    assert np.array_equal(
        MorphologyKMeans(seed=3).fit(shapes, is_normal=given).centers_, right.centers_
    )
