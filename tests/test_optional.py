import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import astro_wgan
from astro_wgan import optional
from astro_wgan.optional import find_optional, import_optional

PACKAGE = Path(astro_wgan.__file__).parent
SETUP = Path(__file__).parents[1] / 'setup.cfg'


def test_installed_packages_are_imported():
    assert import_optional('matplotlib.colors', purpose='Figures need').__name__ == (
        'matplotlib.colors'
    )


@pytest.mark.parametrize('find', [import_optional, find_optional])
def test_missing_packages_are_named_with_the_command_that_installs_them(find, monkeypatch):
    monkeypatch.setitem(sys.modules, 'galsim', None)
    with pytest.raises(
        ImportError, match=r'^Scenes need GalSim: pip install "astro_wgan\[sim\]"\.$'
    ):
        find('galsim', purpose='Scenes need')


def test_errors_of_an_installed_package_are_its_own(tmp_path, monkeypatch):
    (tmp_path / 'statmorph.py').write_text('import a_module_that_it_lacks\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'statmorph', raising=False)
    with pytest.raises(ImportError, match='a_module_that_it_lacks'):
        import_optional('statmorph', purpose='Morphology needs')


@pytest.mark.skipif(not SETUP.exists(), reason='setup.cfg is not beside the tests')
def test_each_extra_installs_what_is_named():
    setup = ConfigParser()
    setup.read(SETUP)
    for distribution, extra in optional._PACKAGES.values():
        assert distribution.lower() in setup['options.extras_require'][extra].lower()


def test_no_other_module_says_how_to_install():
    others = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob('*.py')
        if 'pip install' in path.read_text(encoding='utf-8')
    }
    assert others == {'optional.py'}
