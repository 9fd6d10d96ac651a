from datetime import datetime
from importlib.metadata import version

from astro_wgan.jobs.provenance import provenance_record, versions


def test_versions_name_what_is_installed():
    found = versions()
    for name in ('numpy', 'astropy', 'sep', 'keras', 'astro_wgan'):
        assert found[name] == version(name)
    assert 'tensorflow' in found


def test_further_packages_are_named_where_they_are_installed():
    made = provenance_record('photutils', 'no-such-package', seed=3)
    assert made['versions'] == {**versions(), 'photutils': version('photutils')}
    assert made['seed'] == 3


def test_record_keeps_configuration_and_date():
    made = provenance_record(seed=3, size=64)
    assert (made['seed'], made['size']) == (3, 64)
    assert datetime.fromisoformat(made['date']).tzinfo is not None
    assert made['versions'] == versions()
