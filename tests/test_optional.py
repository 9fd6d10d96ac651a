import json
import pkgutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import astro_wgan
from astro_wgan import optional
from astro_wgan.commands.options.exit_codes import ExitCode
from astro_wgan.exceptions import MissingPackageError
from astro_wgan.optional import explained_without_networks, find_optional, import_optional

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


#: All that may need TensorFlow: whatever else is public must be usable without.
NETWORKS = {
    'anomaly': {
        'AnomalyDetector',
        'EncoderConfig',
        'LatentSearcher',
        'critic_features',
        'measure_residual_statistics',
        'train_encoder',
    },
    'wgan': {
        'HeldOutMonitor',
        'WGAN',
        'build_critic',
        'build_encoder',
        'build_generator',
        'sample_grid',
    },
}

WITHOUT_TENSORFLOW = """
import json, sys
from importlib import import_module
sys.modules['keras'] = sys.modules['tensorflow'] = None
from astro_wgan.commands.options.exit_codes import ExitCode
from astro_wgan.exceptions import MissingPackageError
needing = {}
for subpackage in sys.argv[1:]:
    package = import_module(f'astro_wgan.{subpackage}')
    for name in getattr(package, '__all__', ()):
        try:
            getattr(package, name)
        except MissingPackageError as error:
            assert str(error).startswith(f'{name} needs TensorFlow: pip install')
            needing.setdefault(subpackage, []).append(name)
print(json.dumps(needing))
"""


def test_all_but_networks_can_be_imported_without_tensorflow():
    subpackages = [found.name for found in pkgutil.iter_modules([PACKAGE]) if found.ispkg]
    found = subprocess.run(
        [sys.executable, '-c', WITHOUT_TENSORFLOW, *subpackages],
        check=True,
        capture_output=True,
        text=True,
    )
    assert {k: {*names} for k, names in json.loads(found.stdout).items()} == NETWORKS


def test_commands_say_that_tensorflow_is_missing_before_they_work(tmp_path):
    code = (
        'import sys; sys.modules["keras"] = sys.modules["tensorflow"] = None;'
        'from astro_wgan.cli import main; sys.exit(main(sys.argv[1:]))'
    )
    output = tmp_path / 'hunt'
    command = ['hunt', 'hubble_xdf', '--size', '32', '--quiet', '--output', str(output)]
    found = subprocess.run([sys.executable, '-c', code, *command], capture_output=True, text=True)
    assert found.returncode == ExitCode.MISSING_PACKAGE
    assert found.stderr.startswith('astro-wgan: AnomalyDetector needs TensorFlow: pip install ')
    assert 'Traceback' not in found.stderr
    assert not output.exists()


def test_other_missing_modules_keep_their_error():
    with (
        pytest.raises(ModuleNotFoundError, match='of_which_it_is_not') as caught,
        explained_without_networks('WGAN'),
    ):
        import a_module_of_which_it_is_not_a_part  # noqa: F401
    assert not isinstance(caught.value, MissingPackageError)
