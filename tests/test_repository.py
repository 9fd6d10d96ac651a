"""The files of the repository that tests, documentation and releases are made with agree."""

import re
import shlex
from configparser import ConfigParser
from itertools import product
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / '.github' / 'workflows'

#: Where the source and its documentation are to be found.
SOURCE = 'https://github.com/astro-wgan/astro_wgan'
DOCUMENTATION = 'https://astro-wgan.readthedocs.io'

if not WORKFLOWS.exists():
    pytest.skip('the repository is not beside the tests', allow_module_level=True)


def environments():
    """Names of all environments in ``tox.ini``."""
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini')
    for line in tox['tox']['envlist'].split():
        # Alternatives in braces, as in py{311,312}-test{,-cov}.
        parts = re.split(r'\{([^}]*)\}', line)
        parts[1::2] = [part.split(',') for part in parts[1::2]]
        parts[::2] = [[part] for part in parts[::2]]
        yield from (''.join(chosen) for chosen in product(*parts))


def used_environments():
    """Names of the environments that the workflows run, by their operating system."""
    for path in sorted(WORKFLOWS.glob('*.yml')):
        for job in yaml.safe_load(path.read_text())['jobs'].values():
            for entry in yaml.safe_load(job.get('with', {}).get('envs', '[]')):
                system = next(iter(entry))
                yield system, entry[system]


def setup():
    found = ConfigParser()
    found.read(ROOT / 'setup.cfg')
    return found


def test_workflows_run_environments_that_there_are():
    used = {name for _, name in used_environments()}
    assert used
    assert used <= {*environments()}


def test_the_oldest_versions_that_are_allowed_are_tested():
    required = re.findall(
        r'^([\w-]+)(?:\[\w+\])?>=([\d.]+)', setup()['options']['install_requires'], re.M
    )
    pins = re.findall(r'oldestdeps: ([\w-]+)==([\d.]+)', (ROOT / 'tox.ini').read_text())
    pinned = {name: version.rstrip('.') for name, version in pins}
    assert len(required) > 10
    for name, version in required:
        assert f'{pinned[name]}.'.startswith(f'{version}.'), name


def test_each_supported_python_and_system_is_tested():
    found = re.findall(r'Python :: (3\.\d+)\n', setup()['metadata']['classifiers'])
    tested = {name.partition('-')[0] for _, name in used_environments()}
    assert {f'py{version.replace(".", "")}' for version in found} <= tested
    assert {system for system, _ in used_environments()} == {'linux', 'macos', 'windows'}


@pytest.mark.parametrize('name', ['setup.cfg', 'CITATION.cff', 'README.rst', 'docs/conf.py'])
def test_the_address_of_the_source_is_the_same_everywhere(name):
    text = (ROOT / name).read_text(encoding='utf-8')
    addresses = re.findall(r'https://github\.com/astro-wgan/\w+', text)
    assert {*addresses} == {SOURCE}


@pytest.mark.parametrize('name', ['setup.cfg', 'README.rst', '.github/ISSUE_TEMPLATE/config.yml'])
def test_the_address_of_the_documentation_is_the_same_everywhere(name):
    text = (ROOT / name).read_text(encoding='utf-8')
    assert {*re.findall(r'https://[\w-]+\.readthedocs\.io', text)} >= {DOCUMENTATION}
    assert not re.search(r'https://astro_?wgan\.readthedocs', text)


def test_no_file_claims_an_affiliation_with_astropy():
    claims = re.compile(r'(astropy|affiliated)[\s-]+affiliated|is an? affiliated package', re.I)
    files = [*ROOT.glob('*.*'), *(ROOT / 'docs').rglob('*.rst'), *(ROOT / 'paper').glob('*.md')]
    assert len(files) > 50
    for path in files:
        if path.is_file():
            assert not claims.search(path.read_text(encoding='utf-8')), path.name


def test_the_paper_cites_what_its_list_has():
    text = (ROOT / 'paper' / 'paper.md').read_text(encoding='utf-8')
    entries = re.findall(r'^@\w+\{(\w+),', (ROOT / 'paper' / 'paper.bib').read_text(), re.M)
    assert sorted({*re.findall(r'@(\w+)', text)}) == sorted(entries)
    assert 250 <= len(text.split()) <= 1750


def test_the_version_comes_from_git_alone():
    assert 'version' not in setup()['metadata']
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    newest = re.match(r'[\d.]+', (ROOT / 'CHANGES.rst').read_text())[0]
    assert citation['version'] == newest


def test_what_is_published_is_tested_by_what_a_wheel_has():
    job = yaml.safe_load((WORKFLOWS / 'publish.yml').read_text())['jobs']['build']['with']
    arguments = shlex.split(job['test_command'])[1:]
    # The tests are beside the package, so that only examples of docstrings are there to run.
    assert '--pyargs' in arguments
    assert '--doctest-plus' in arguments
    option = arguments[arguments.index('-o') + 1]
    assert option == f'doctest_optionflags={setup()["tool:pytest"]["doctest_optionflags"]}'
