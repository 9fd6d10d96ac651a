"""
What TensorFlow costs: bytes to download and on disk, seconds to install and to import.

The requirements of ``setup.cfg`` are downloaded and installed by pip into a new environment, with
TensorFlow, with its smaller wheel for machines without a graphics card, and without it and Keras.
What is downloaded is not part of the time that pip takes to install it, so that the network plays
no role. Imports are those of new processes, the shortest of several.

    python -m benchmarks.speed.installation        # downloads 1 GB
"""

import os
import subprocess
import tempfile
import venv
from configparser import ConfigParser
from pathlib import Path

from benchmarks.harness import BenchmarkParser, Report, skip, time_in_turns, time_once
from benchmarks.results import Column

ROOT = Path(__file__).parents[2]

#: What is first imported, by those who use networks and by those who use none.
WITHOUT_NETWORKS = 'from astro_wgan import StampSet, StampStore, measure_sources, read_image'
WITH_NETWORKS = 'from astro_wgan import AnomalyDetector, WGAN'

TABLE = (
    Column('requirements', 'that are installed'),
    Column('packages', 'that pip installs, those that they need included', '', 'd'),
    Column('download', 'wheels', 'MB', ',.0f'),
    Column('disk', 'what the environment has grown by', 'MB', ',.0f'),
    Column('install', 'by pip, from the wheels', 's', '.0f'),
    Column('import without networks', f'``{WITHOUT_NETWORKS}``', 's', '.2f'),
    Column('import with networks', f'``{WITH_NETWORKS}``', 's', '.2f'),
)


def main():
    smoke = {'lists': ['smallest'], 'turns': 1}
    parser = BenchmarkParser(__doc__, smoke=smoke, seed=None)
    parser.add_argument('--lists', nargs='+', default=[*LISTS][:-1], choices=LISTS)
    parser.add_argument('--turns', type=int, default=3, help='imports of which the shortest counts')
    options = parser.parse_args()
    report = Report(options)
    rows = [measured(name, options.turns) for name in options.lists]
    report.table('requirements', 'Requirements with and without TensorFlow.', TABLE, rows)
    report.write()


def requirements():
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    lines = setup['options']['install_requires'].splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def without_networks():
    return [line for line in requirements() if not line.startswith(('keras', 'tensorflow'))]


def with_cpu_wheel():
    return [line.replace('tensorflow', 'tensorflow-cpu') for line in requirements()]


LISTS = {
    'all': requirements,
    'all, tensorflow-cpu': with_cpu_wheel,
    'all but TensorFlow and Keras': without_networks,
    'smallest': lambda: ['pyyaml'],
}


def measured(name, turns):
    """A row of the table, made in a new environment."""
    with tempfile.TemporaryDirectory() as folder:
        wheels, environment = Path(folder) / 'wheels', Path(folder) / 'environment'
        venv.create(environment, with_pip=True)
        python = environment / 'bin' / 'python'
        before = size(environment)
        pip = [python, '-m', 'pip']
        wanted = LISTS[name]()
        if run(*pip, 'wheel', '--quiet', '--wheel-dir', wheels, *wanted):
            skip('the wheels cannot be downloaded.')
        local = ['--no-index', '--find-links', wheels]
        failed, timing = time_once(run, *pip, 'install', '--quiet', *local, *wanted)
        if failed:
            raise SystemExit(failed)
        row = {
            'requirements': name,
            'packages': len([*wheels.iterdir()]),
            'download': size(wheels) / 1e6,
            'disk': (size(environment) - before) / 1e6,
            'install': timing.shortest,
        }
        return row | import_times(name, python, turns)


def import_times(name, python, turns):
    """Seconds of the imports that are possible with these requirements."""
    codes = {}
    if name != 'smallest':
        codes['import without networks'] = WITHOUT_NETWORKS
    if name.startswith('all') and 'but' not in name:
        codes['import with networks'] = WITH_NETWORKS
    path = {'PYTHONPATH': str(ROOT)}
    contenders = {
        key: lambda code=code: run(python, '-c', code, **path) for key, code in codes.items()
    }

    def check(key, status):
        if status:
            raise RuntimeError(f'{codes[key]} failed.')

    timings = time_in_turns(contenders, turns=turns, warm_up=True, check=check)
    return {key: timing.shortest for key, timing in timings.items()}


def size(folder):
    """Bytes of the files in a folder."""
    files = (path for path in folder.rglob('*') if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def run(*command, **variables):
    """Status of a program, with further environment variables."""
    environment = os.environ | {'PYTHONPATH': '', 'TF_CPP_MIN_LOG_LEVEL': '3'} | variables
    return subprocess.run([str(part) for part in command], env=environment).returncode


if __name__ == '__main__':
    main()
