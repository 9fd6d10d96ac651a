"""
Compare the bundled files that others made with those in the packages that they come from.

    python -m benchmarks.bundled.third_party            # needs PyPI; a minute
    python -m benchmarks.bundled.third_party --write    # replaces the bundled files

Sources of sep are unpacked, not built, but pip asks its build system for its name first: where pip
cannot install what that needs, install setuptools, setuptools-scm, cython and numpy, and give
``--no-build-isolation``.
"""

import argparse
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from astro_wgan import datasets

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


def main():
    options = read_options()
    folder = datasets.image_path('ntt_field').parent
    archives, differ = {}, []
    with TemporaryDirectory() as temporary:
        for name, (requirement, arguments, member) in FILES.items():
            if requirement not in archives:
                if options.no_build_isolation:
                    arguments = [*arguments, '--no-build-isolation']
                archives[requirement] = download(requirement, arguments, Path(temporary))
            content = read_member(archives[requirement], member)
            same = (folder / name).exists() and (folder / name).read_bytes() == content
            print(f'{name}: {"as" if same else "not as"} in {requirement}, {member}')
            if options.write:
                (folder / name).write_bytes(content)
            elif not same:
                differ.append(name)
    if differ:
        raise SystemExit(f'These bundled files are not what they should be: {differ}.')


def read_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--write', action='store_true', help='replace the bundled files')
    parser.add_argument('--no-build-isolation', action='store_true', help='for pip')
    return parser.parse_args()


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
