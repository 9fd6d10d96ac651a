"""More like this: from ids, rows and other stamps."""

import numpy as np
import pytest

from astro_wgan import AnomalyDetector, StampSet


@pytest.fixture(scope='module')
def detector(wgan):
    return AnomalyDetector(wgan)


@pytest.fixture(scope='module')
def named(stamps):
    pixels = stamps.pixels.copy()
    pixels[20] = 1.001 * pixels[4]  # the same galaxy, a little brighter
    ids = [f'source {k}' for k in range(len(stamps))]
    return StampSet(pixels, unit=stamps.unit, table={'id': ids})


@pytest.fixture(scope='module')
def features(detector, named):
    return detector.features(named, progress=False)


def test_the_same_galaxy_is_found_by_id_row_and_stamp(detector, named, features):
    by_id = detector.similar(named, to='source 4', n=5, features=features)
    assert by_id.colnames == ['id', 'distance']
    assert by_id['id'][0] == 'source 20'
    assert 'source 4' not in by_id['id']
    assert (np.diff(by_id['distance']) >= 0).all()
    assert by_id.meta['model'] == detector.wgan.provenance_
    for to in (slice(4, 5), np.arange(len(named)) == 4, ['source 4']):
        found = detector.similar(named, to=to, n=5, features=features)
        assert found['id'].tolist() == by_id['id'].tolist()
    found = detector.similar(named, to=named[[4]], n=2, features=features, progress=False)
    assert found['id'].tolist() == ['source 4', 'source 20']


def test_features_are_computed_if_they_are_not_given(detector, named, features):
    given = detector.features(named, networks='critic', progress=False)
    expected = detector.similar(named, to='source 4', n=5, features=given)
    found = detector.similar(named, to='source 4', n=5, networks='critic', progress=False)
    assert found['id'].tolist() == expected['id'].tolist()


def test_what_cannot_be(detector, named, features):
    with pytest.raises(ValueError, match=r"1 of 2 are not among them, the first is 'x'"):
        detector.similar(named, to=['source 4', 'x'], features=features)
    with pytest.raises(ValueError, match='a row for each of 120 stamps; got 7'):
        detector.similar(named, to='source 4', features=features[:7])
    masked = np.ma.array(['source 4', 'source 5'], mask=[False, True])
    with pytest.raises(ValueError, match='without a mask; 1 are masked'):
        detector.similar(named, to=masked, features=features)
    with pytest.raises(ValueError, match='`n` must be'):
        detector.similar(named, to='source 4', n=0, features=features)
