import numpy as np
import pytest

from astro_wgan.evaluate.score_inputs import read_classes, score_array


@pytest.mark.parametrize('container', ['series', 'nullable', 'frame', 'masked array', 'objects'])
def test_scores_in_any_container_are_the_same(container):
    rng = np.random.default_rng(4)
    scores = rng.normal(size=200)
    missing = np.arange(200) % 10 == 3
    right = score_array(np.where(missing, np.nan, scores), 'scores')
    if container == 'masked array':
        given = np.ma.array(np.where(missing, 99, scores), mask=missing)
    elif container == 'objects':
        given = np.where(missing, None, scores.astype(object))
    else:
        pandas = pytest.importorskip('pandas')
        given = pandas.Series(scores).mask(missing)
        if container == 'nullable':
            given = given.astype('Float64')
        elif container == 'frame':
            given = pandas.DataFrame({'id': np.arange(200), 'score': given})
    assert np.array_equal(score_array(given, 'scores'), right, equal_nan=True)


def test_missing_classes_are_refused():
    labels = np.ma.array(['normal', 'odd', 'odd'], mask=[False, False, True])
    for classes in (labels, np.array(['normal', 'odd', None], dtype=object)):
        with pytest.raises(ValueError, match='masked or missing in row 2'):
            read_classes(classes, 3)
    with pytest.raises(ValueError, match='masked or missing in row 2'):
        read_classes({'odd': np.ma.array([True, False, True], mask=[0, 0, 1])}, 3)
