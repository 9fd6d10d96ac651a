"""
Build wheel and source distribution, check both, and use the wheel in a new environment.

Run by ``tox -e build``, from the root of the repository.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: What a user does first: the version, an image, a model, and scores.
USE = """
import astro_wgan
from astro_wgan import datasets, StampSet
image = datasets.load_image('hubble_xdf')
assert len(StampSet.from_image(image, size=64)) > 10
detector = datasets.load_model()
table = detector.score(detector.wgan.generate(4, seed=1))
assert len(table) == 4 and 'p_value' in table.colnames
print('astro_wgan', astro_wgan.__version__, 'scores', len(table), 'stamps')
"""


def main():
    """Check all, and end with the status of what fails first."""
    parser = argparse.ArgumentParser(description=__doc__.strip().partition('\n')[0])
    parser.add_argument('--no-install', action='store_true', help='do not install the wheel')
    options = parser.parse_args()
    workflows = sorted((ROOT / '.github' / 'workflows').glob('*.yml'))
    forms = sorted((ROOT / '.github' / 'ISSUE_TEMPLATE').glob('*.yml'))
    check_schema('vendor.github-workflows', *workflows)
    check_schema('vendor.github-issue-forms', *(f for f in forms if f.stem != 'config'))
    check_schema('vendor.github-issue-config', *(f for f in forms if f.stem == 'config'))
    check_schema('vendor.dependabot', ROOT / '.github' / 'dependabot.yml')
    check_schema('vendor.readthedocs', ROOT / '.readthedocs.yaml')
    check_schema('vendor.citation-file-format', ROOT / 'CITATION.cff')
    check_schema('vendor.codecov', ROOT / '.codecov.yml')
    run('check-manifest')
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, '-m', 'build', '--outdir', folder)
        built = sorted(Path(folder).iterdir())
        run('twine', 'check', '--strict', *built)
        for path in built:
            print(f'{path.name}: {size_text(path)}', flush=True)
        if not options.no_install:
            use_wheel(next(path for path in built if path.suffix == '.whl'), Path(folder) / 'new')


def check_schema(schema, *paths):
    """Compare YAML files with the schema of the service that reads them."""
    run('check-jsonschema', '--builtin-schema', schema, *paths)


def use_wheel(wheel, environment):
    """Install a wheel in a new environment, and use it from a folder without the source."""
    venv.create(environment, with_pip=True)
    scripts = environment / ('Scripts' if os.name == 'nt' else 'bin')
    python = scripts / 'python'
    run(python, '-m', 'pip', 'install', '--quiet', wheel, cwd=environment)
    run(python, '-c', USE, cwd=environment)
    run(scripts / 'astro-wgan', '--version', cwd=environment)


def size_text(path):
    """Number of files of an archive, and its size packed and unpacked."""
    if path.suffix == '.whl':
        with zipfile.ZipFile(path) as archive:
            sizes = [member.file_size for member in archive.infolist()]
    else:
        with tarfile.open(path) as archive:
            sizes = [member.size for member in archive if member.isfile()]
    packed, unpacked = (number / 1e6 for number in (path.stat().st_size, sum(sizes)))
    return f'{len(sizes)} files, {packed:.1f} MB, {unpacked:.1f} MB unpacked'


def run(*command, cwd=ROOT):
    """Run a program, and end with its status if it fails."""
    # Names of packages that are installed, not those of the source.
    kept = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    status = subprocess.run([str(part) for part in command], cwd=cwd, env=kept).returncode
    if status:
        raise SystemExit(status)


if __name__ == '__main__':
    main()
