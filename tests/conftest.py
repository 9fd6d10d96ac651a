import importlib.util
import os
import sys
from pathlib import Path

import pytest

#: Without these, as on Macs with Intel processors, tests of networks are left out.
#: ``test_optional.py`` tells what must be usable all the same.
NETWORKS = ('keras', 'tensorflow')


def _let_be_imported(folder):
    """
    Packages that are not installed, by their own names.

    The folder that they lie in is not put on the path, where it would hide what is installed.
    """
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / '__init__.py', submodule_search_locations=[str(folder)]
    )
    sys.modules[folder.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[folder.name])


_let_be_imported(Path(__file__).with_name('judges'))
_let_be_imported(Path(__file__).with_name('small_trainings'))
_let_be_imported(Path(__file__).parents[1] / 'benchmarks')


if importlib.util.find_spec('tensorflow') is None:

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(collector):
        """Leave out modules of tests that import networks."""
        report = yield
        text = str(report.longrepr)
        if report.failed and any(f"No module named '{name}'" in text for name in NETWORKS):
            report.outcome = 'skipped'
            report.longrepr = (str(collector.path), None, 'Skipped: TensorFlow is not installed')
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item, call):
        """Leave out tests that come to need networks."""
        report = yield
        error = call.excinfo and call.excinfo.value
        while error is not None:
            if isinstance(error, ModuleNotFoundError) and error.name in NETWORKS:
                report.outcome = 'skipped'
                report.longrepr = (str(item.path), None, 'Skipped: TensorFlow is not installed')
            error = error.__cause__ or error.__context__
        # Commands say so on the screen, and end with a status that the test did not expect.
        if report.failed and 'needs TensorFlow: pip install' in report.capstderr:
            report.outcome = 'skipped'
            report.longrepr = (str(item.path), None, 'Skipped: TensorFlow is not installed')
        return report


@pytest.fixture(scope='session')
def real_data():
    """A folder of images of the sky that the package does not carry."""
    folder = os.environ.get('ASTRO_WGAN_REAL_DATA')
    if not folder:
        pytest.skip('ASTRO_WGAN_REAL_DATA names no folder of real images')
    return Path(folder)


@pytest.fixture(scope='session')
def chromium(tmp_path_factory):
    """A browser for all pages."""
    from judges.chromium import open_chromium

    driver = open_chromium(tmp_path_factory.mktemp('profile'))
    yield driver
    driver.quit()
