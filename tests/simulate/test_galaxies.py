import numpy as np
import pytest
from astropy import units as u

from astro_wgan.simulate import simulate

pytest.importorskip('galsim')


def test_magnitude_is_ab():
    table = simulate('normal', 5).table
    expected = (table['magnitude'].value * u.ABmag).to_value(u.nJy)
    np.testing.assert_allclose(table['flux'].value, expected, rtol=1e-3)


def test_galaxies_follow_the_relations_of_mass_size_and_redshift():
    table = simulate('normal', 400, seed=1).table
    assert table['magnitude'].max() < 22.8 * u.mag
    mass, redshift = np.log10(table['stellar_mass'].value), table['redshift']
    assert mass.min() >= 10
    assert 0.5 <= redshift.min() < redshift.max() < 3
    late = table['bulge_fraction'] < 0.5
    assert np.corrcoef(table['magnitude'].value[late], redshift[late])[0, 1] > 0.3
    # The scale of a disk's inclination: thin disks seen at random have a uniform cosine.
    assert np.mean(table['axis_ratio'][late] < 0.5) == pytest.approx(0.47, abs=0.1)
