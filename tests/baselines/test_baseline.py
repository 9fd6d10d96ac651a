import numpy as np
import pytest
from astropy.nddata import CCDData

from astro_wgan.baselines import (
    IsolationForestScore,
    MorphologyKMeans,
    PCAMahalanobis,
    PCAResidual,
    RotationResidual,
)
from astro_wgan.exceptions import NotFittedError
from astro_wgan.stamps import Stretch
from astro_wgan.store import StampStore

sklearn = pytest.importorskip('sklearn')
pytest.importorskip('sklearn.model_selection')

CHANGED = [
    PCAResidual(n_components=3, seed=7),
    PCAMahalanobis(max_stamps=50),
    RotationResidual(smoothing=2.0),
    MorphologyKMeans(columns=['gini', 'm20']),
    IsolationForestScore(n_trees=20, n_components=2),
]


@pytest.mark.parametrize('baseline', CHANGED, ids=lambda baseline: type(baseline).__name__)
def test_clones_have_the_parameters_and_no_fit(baseline):
    fitted = type(baseline)(**baseline.get_params(deep=False))
    fitted.stretch_ = fitted.components_ = 'learned'
    clone = sklearn.base.clone(fitted)
    assert type(clone) is type(baseline)
    assert clone is not fitted
    assert clone.get_params() == baseline.get_params()
    assert not hasattr(clone, 'components_')


def test_a_clone_keeps_a_fitted_stretch(normal):
    stretch = Stretch().fit(normal[:50])
    clone = sklearn.base.clone(PCAResidual(stretch=stretch))
    assert clone.stretch is stretch
    assert clone.stretch.is_fitted


def test_a_stretch_that_is_a_parameter_is_not_fitted_in_place(normal):
    stretch = Stretch(scope='stamp')
    baseline = RotationResidual(stretch=stretch).fit(normal[:50])
    assert baseline.stretch is stretch
    assert not stretch.is_fitted
    assert baseline.stretch_.is_fitted
    assert baseline.stretch_.scope == 'stamp'


def test_the_representation_has_the_parameters_that_were_changed():
    assert repr(PCAResidual()) == 'PCAResidual()'
    assert repr(PCAResidual(n_components=3, seed=7)) == 'PCAResidual(n_components=3, seed=7)'
    expected = "MorphologyKMeans(columns=('gini', 'm20'))"
    assert repr(MorphologyKMeans(columns=['gini', 'm20'])) == expected


def test_parameters_are_set_after_the_checks_of_the_constructor():
    baseline = PCAResidual(seed=4)
    assert baseline.set_params(n_components=6) is baseline
    assert (baseline.n_components, baseline.seed) == (6, 4)
    with pytest.raises(ValueError, match='`n_components` must be at least 1; got 0'):
        baseline.set_params(n_components=0, seed=5)
    with pytest.raises(ValueError, match=r"no parameter 'trees'; it has n_components, stretch"):
        baseline.set_params(trees=3)
    assert (baseline.n_components, baseline.seed) == (6, 4)


def test_parameters_of_a_stretch_are_got_and_set_as_in_scikit_learn(normal):
    stretch = Stretch(softening=2.0).fit(normal[:50])
    baseline = PCAResidual(stretch=stretch)
    assert baseline.get_params()['stretch__softening'] == 2
    assert not any('__' in name for name in baseline.get_params(deep=False))
    assert not any('__' in name for name in PCAResidual().get_params())
    baseline.set_params(stretch__softening=5.0, stretch__kind='linear', n_components=4)
    assert (baseline.stretch, baseline.n_components) == (Stretch('linear', softening=5.0), 4)
    # The one that was given may be used by others, too.
    assert stretch.is_fitted
    assert stretch.softening == 2
    baseline.set_params(stretch=Stretch(scope='stamp'), stretch__softening=6.0)
    assert baseline.stretch == Stretch(scope='stamp', softening=6.0)


@pytest.mark.parametrize(
    ('params', 'says'),
    [
        ({'stretch__softening': -1}, '`softening` must be above 0; got -1'),
        ({'stretch__power': 2}, "A Stretch has no parameter 'power'; it has kind, scope"),
        ({'squash__power': 2}, "A PCAResidual has no parameter 'squash'; it has n_components"),
        ({'n_components__x': 2}, "`n_components` is 10, which has no parameter 'x'"),
    ],
)
def test_wrong_parameters_of_a_stretch_change_nothing(params, says):
    baseline = PCAResidual(stretch=Stretch(softening=2.0))
    with pytest.raises(ValueError, match=says):
        baseline.set_params(seed=9, **params)
    assert (baseline.stretch, baseline.seed) == (Stretch(softening=2.0), 0)
    with pytest.raises(ValueError, match="`stretch` is None, which has no parameter 'kind'"):
        PCAResidual().set_params(stretch__kind='linear')


def test_a_grid_search_of_scikit_learn_sets_parameters_of_the_stretch():
    grid = sklearn.model_selection.ParameterGrid({'stretch__softening': [1.0, 8.0]})
    base = PCAResidual(stretch=Stretch(), n_components=2)
    models = [sklearn.base.clone(base).set_params(**params) for params in grid]
    assert [model.stretch.softening for model in models] == [1, 8]
    assert base.stretch.softening == 3


@pytest.mark.parametrize('baseline', [PCAResidual(n_components=3), RotationResidual()])
def test_stamps_are_all_that_as_stamps_takes(baseline, normal, tmp_path):
    stamps = normal[:30]
    expected = baseline.fit(stamps).score(stamps, progress=False)['score']
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps).close()
    images = [CCDData(pixels, unit='adu') for pixels in stamps.pixels]
    for given in (tmp_path / 'stamps.zarr', images):
        score = baseline.fit(given).score(given, progress=False)['score']
        np.testing.assert_allclose(score, expected, rtol=0.02)


@pytest.mark.parametrize('baseline', CHANGED, ids=lambda baseline: type(baseline).__name__)
def test_scores_need_a_fit(baseline, normal):
    with pytest.raises(NotFittedError, match=f'{type(baseline).__name__} has not been fitted'):
        baseline.score(normal[:2])
