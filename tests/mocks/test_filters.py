"""Filter curves, by name and from tables."""

from importlib.util import find_spec

import numpy as np
import pytest
from astropy import units as u

from astro_wgan.mocks import FilterCurve


@pytest.mark.skipif(find_spec('sedpy') is not None, reason='astro-sedpy is installed')
def test_filters_by_name_need_their_package():
    with pytest.raises(ImportError, match=r'astro_wgan\[ssp\]'):
        FilterCurve.read('wfc3_ir_f160w')


def test_filters_are_read_from_tables(tmp_path):
    path = tmp_path / 'filter.txt'
    path.write_text('# wavelength throughput\n7000 0.5\n8000 0.5\n8000 0.5\n9000 0.5\n')
    curve = FilterCurve.read(path)
    box = np.sqrt((900**2 - 700**2) / 2 / np.log(9 / 7))
    assert curve.pivot.to_value(u.nm) == pytest.approx(box, rel=1e-5)
    path.write_text('a b\n')
    with pytest.raises(ValueError, match='not a table'):
        FilterCurve.read(path)
    with pytest.raises(FileNotFoundError):
        FilterCurve.read(tmp_path / 'nowhere.txt')


@pytest.mark.parametrize(
    ('wavelength', 'throughput', 'error'),
    [
        ([7, 9], [1, 1], u.UnitsError),
        ([9, 7] * u.nm, [1, 1], ValueError),
        ([7, 9] * u.nm, [0, 0], ValueError),
        ([7, 9] * u.nm, [1, np.nan], ValueError),
        ([7, 9] * u.nm, [1], ValueError),
    ],
)
def test_impossible_filters_are_refused(wavelength, throughput, error):
    with pytest.raises(error):
        FilterCurve(wavelength, throughput)
