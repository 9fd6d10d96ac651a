import numpy as np
import pytest
from astropy import units as u

from astro_wgan.datasets import light_map_names, light_map_paths, load_light_map

#: Absolute magnitudes in g, r, i of the stars in the bundled maps, before rounding, as printed by
#: benchmarks/bundled/encounter.py.
STARS = {
    'encounter_passage': [-20.2967, -21.0570, -21.3809],
    'encounter_remnant': [-19.7615, -20.6251, -20.9898],
}


@pytest.mark.parametrize('name', STARS)
def test_light_map_has_the_magnitude_of_its_stars(name):
    light = load_light_map(name)
    assert light.pixel_scale.to_value(u.kpc / u.pix) == pytest.approx(0.2)
    assert 'astro_wgan' in light.meta['credit']
    # Pivot wavelengths of the SDSS filters g, r and i (Doi et al. 2010, AJ 139, 1628).
    observed = [470.2, 617.6, 749.0] * u.nm
    np.testing.assert_allclose(light.wavelength, observed / 1.046, rtol=5e-3)
    np.testing.assert_allclose(light.absolute_magnitude.value, STARS[name], atol=1e-3)


def test_error_for_a_former_light_map_names_its_replacements():
    with pytest.raises(ValueError, match=r"'hydro_merger_186' no longer .*'encounter_passage'"):
        load_light_map('hydro_merger_186')


def test_each_light_map_has_a_file_per_band():
    assert light_map_names() == [*STARS]
    for name in light_map_names():
        paths = light_map_paths(name)
        assert len(paths) == 3
        assert all(path.is_file() for path in paths)
    with pytest.raises(ValueError, match=r"one of \['encounter_passage', .*got 'andromeda'"):
        light_map_paths('andromeda')
