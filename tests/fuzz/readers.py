"""
Every reader of files, given files of which a few bytes are false.

As a script it works through seeds of some readers, in a process that may hang or die, and prints a
line before and after each. `run` starts such processes and counts what came of it.

    python readers.py fits 0 100        # the first hundred seeds of the reader `fits`
"""

import gzip
import importlib
import io
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from astro_wgan.stamps import StampSet

#: Seconds and bytes of memory that one small file may take.
PATIENCE = 60
MEMORY = 2**30

NUMBERS = np.random.default_rng(1).normal(100, 10, (24, 20)).astype('f4')

#: What false numbers are, in headers and texts.
_EXTREMES = [-1, 0, 1, 3, 64, 999, 10**5, 10**7, 2**31 - 1, 2**31, 2**63 - 1, 10**18, 10**30]
_WORDS = ['nan', 'inf', '-inf', '1e999', 'null', "''", '[]', '{}', 'T', '10**9999999 m', '']


# What is read: a function that makes the file or folder, and one that reads it.


def _fits(*hdus):
    from astropy.io import fits

    file = io.BytesIO()
    fits.HDUList([hdu for hdu in hdus if hdu is not None]).writeto(file)
    return file.getvalue()


def _plain(**cards):
    from astropy.io import fits

    cards |= {'BUNIT': 'erg/s/cm2', 'EXPTIME': 100.0}
    cards |= {'CTYPE1': 'RA---TAN-SIP', 'CTYPE2': 'DEC--TAN-SIP', 'CRVAL1': 10.0, 'CRVAL2': 2.0}
    cards |= {'CDELT1': -1e-4, 'CDELT2': 1e-4, 'CRPIX1': 10.0, 'CRPIX2': 10.0}
    cards |= {'A_ORDER': 2, 'A_2_0': 1e-6, 'B_ORDER': 2, 'B_0_2': 1e-6}
    return fits.PrimaryHDU(NUMBERS, fits.Header(cards))


def _many():
    from astropy.io import fits

    sci = fits.ImageHDU(NUMBERS, _plain().header, name='SCI')
    mask = fits.ImageHDU((NUMBERS > 120).astype('i4'), name='MASK')
    mask.header.update({'MP_BAD': 0, 'MP_SAT': 1})
    error = fits.ImageHDU(np.ones_like(NUMBERS), name='UNCERT')
    table = fits.BinTableHDU.from_columns([fits.Column('a', 'D', 'kpc', array=np.arange(5.0))])
    return _fits(fits.PrimaryHDU(), sci, mask, error, table)


def _tiles(algorithm, tile=(8, 20)):
    from astropy.io import fits

    pixels = NUMBERS.astype('i4') if algorithm == 'PLIO_1' else NUMBERS
    hdu = fits.CompImageHDU(
        pixels, compression_type=algorithm, tile_shape=tile, quantize_method=1, dither_seed=5
    )
    return _fits(fits.PrimaryHDU(), hdu)


def _picture(kind):
    from PIL import Image

    file = io.BytesIO()
    pixels = np.random.default_rng(2).integers(0, 255, (24, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, format=kind)
    return file.getvalue()


def _hdf5(groups, attributes=None):
    import h5py

    file = io.BytesIO()
    with h5py.File(file, 'w') as opened:
        for name, (values, unit) in groups.items():
            made = opened.create_dataset(name, data=values, chunks=True, compression='gzip')
            if unit:
                made.attrs['unit'] = unit
        for name, value in (attributes or {}).items():
            opened.require_group('Header').attrs[name] = value
    return file.getvalue()


def _particles():
    ones = np.ones(20)
    positions = np.random.default_rng(1).normal(size=(20, 3))
    return _hdf5({'positions': (positions, 'kpc'), 'masses': (ones, 'Msun'), 'ages': (ones, 'Gyr')})


def _snapshot():
    rng = np.random.default_rng(1)
    stars = {
        'Coordinates': rng.normal(500, 1, (20, 3)),
        'Masses': np.ones(20),
        'GFM_StellarFormationTime': rng.uniform(0.2, 0.4, 20),
        'GFM_Metallicity': np.full(20, 0.02),
    }
    header = {'Time': 0.5, 'Redshift': 1.0, 'HubbleParam': 0.7, 'Omega0': 0.3, 'BoxSize': 1000.0}
    return _hdf5({f'PartType4/{name}': (each, None) for name, each in stars.items()}, header)


def _sublink():
    fields = {
        'SubhaloID': np.arange(5),
        'SnapNum': np.array([4, 3, 2, 1, 0]),
        'DescendantID': np.arange(-1, 4),
        'SubhaloMassType': np.ones((5, 6)),
        'SubhaloHalfmassRadType': np.ones((5, 6)),
        'SubhaloPos': np.ones((5, 3)),
    }
    return _hdf5({name: (values, None) for name, values in fields.items()})


_TREES = """\
#scale(0) id(1) desc_scale(2) desc_id(3) num_prog(4) Mvir(5) Rvir(6) x(7) y(8) z(9) Snap_num(10)
#Omega_M = 0.300000; Omega_L = 0.700000; h0 = 0.700000
#Full box size = 100.000000 Mpc/h
#Consistent Trees Version 1.01
#Mvir: Halo mass (Msun/h).
#Rvir: Halo radius (kpc/h comoving).
#X/Y/Z: Halo position (Mpc/h comoving).
1
#tree 30
1.0000 30 0.0000 -1 1 5e12 200.0 10.0 20.0 30.0 2
0.8000 20 1.0000 30 1 3e12 150.0 10.1 20.1 30.1 1
0.6000 10 0.8000 20 0 1e12 100.0 10.2 20.2 30.2 0
"""


def _table(kind):
    from astropy import units as u
    from astropy.table import QTable

    table = QTable({'iteration': [1, 2, 3], 'wasserstein': [0.3, 0.2, 0.1] * u.kpc})
    if kind == 'fits':
        from astropy.io import fits

        return _fits(fits.PrimaryHDU(), fits.table_to_hdu(table))
    text = io.StringIO()
    table.write(text, format=f'ascii.{kind}')
    return text.getvalue().encode()


def _sources():
    rng = np.random.default_rng(1)
    columns = {'id': np.arange(40), 'ra': rng.uniform(0, 9, 40), 'dec': rng.uniform(0, 9, 40)}
    return {**columns, 'name': [f'galaxy {k}' for k in range(40)]}


def _make_parquet(path):
    from astro_wgan.catalogs import write_catalog

    write_catalog(_sources(), path.with_suffix('.parquet')).rename(path)


def _results():
    """A table with units, masks, coordinates and metadata."""
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from astropy.table import MaskedColumn, QTable

    table = QTable({'id': ['a', 'b', 'ü'], 'flux': [1.0, np.nan, 3.0] * u.nJy})
    table['sky'] = SkyCoord([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], unit='deg')
    table['label'] = MaskedColumn(['x', 'y', 'z'], mask=[False, True, False])
    table['features'] = np.eye(3, dtype='f4')
    table.meta = {'survey': 'deep', 'limits': [1, {'depth': 27.5 * u.mag}]}
    return table


def _make_results(ending):
    def make(path):
        from astro_wgan.catalogs import write_table

        made = write_table(_results(), path.with_name(f'{path.name}.{ending}'))
        made.replace(path)

    return make


def _make_stamp_file(form):
    def make(path):
        pixels = np.random.default_rng(1).normal(size=(3, 6, 5)).astype('f4')
        stamps = StampSet(pixels, uncertainty=np.abs(pixels), unit='nJy', psf=np.eye(3))
        stamps.replace(mask=pixels > 1, table=_results()).write(path, format=form)

    return make


def _make_hats(path):
    from astro_wgan.catalogs import write_catalog

    write_catalog(_sources(), path, partition_rows=20)


def _light_map():
    from astropy.io import fits

    header = fits.Header({'BUNIT': 'AB mag/arcsec2', 'CDELT1': 0.2, 'CDELT2': 0.2})
    header.update({'CUNIT1': 'kpc', 'CUNIT2': 'kpc', 'REDSHIFT': 0.01, 'WLEFF': 5500.0})
    return _fits(fits.PrimaryHDU(NUMBERS / 5, header))


def _make_labels(path):
    from astro_wgan.labeling import LabelFile

    labels = LabelFile(path)
    labels.add([1, 2**40, 3.5], 'interesting', by='anna', model='0a1b')
    labels.add(['M 31', '1'], 'artifact', by='ben')
    labels.add([1], None, by='anna')
    labels.undo(by='ben')


def _read_labels(path):
    from astro_wgan.labeling import LabelFile, merge_labels

    labels = LabelFile(path)
    merge_labels(labels)
    labels.undo(by='anna')
    return labels.table()


def _fingerprint():
    from astro_wgan.jobs import Fingerprint

    return Fingerprint({'stamps': {'pixels': 'abc', 'count': 5}, 'settings': {'threshold': 3}})


def _make_resume(path):
    from astro_wgan.jobs.resume import ResumeFile

    with ResumeFile(path, _fingerprint()) as file:
        file.append({'a': np.arange(5), 'b': np.ones(5)})


def _read_resume(path):
    from astro_wgan.jobs.resume import ResumeFile

    return ResumeFile(path, _fingerprint()).columns()


def _make_hunt(path):
    from astro_wgan.hunting.hunt_folder import HuntFolder

    HuntFolder(path).claim(_fingerprint())
    (path / 'scores.ecsv').write_bytes(_table('ecsv'))


def _read_hunt(path):
    from astro_wgan.hunting.hunt_folder import HuntFolder

    folder = HuntFolder(path)
    folder.claim(_fingerprint())
    return folder.read_table()


def _make_arrays(path):
    from astro_wgan.files.atomic import write_arrays

    write_arrays(path, a=np.arange(20.0), text=np.array('text'), b=np.ones((4, 5), 'f4'))


def _make_store(path):
    from astropy import units as u
    from astropy.nddata import CCDData
    from astropy.wcs import WCS

    from astro_wgan import StampStore

    image = CCDData(NUMBERS, unit='adu', wcs=WCS(_plain().header))
    stamps = StampSet.from_image(image, positions=[[10, 10], [8, 12], [11, 9]], size=8)
    stamps.table['flux'] = [1.0, 2.0, 3.0] * u.Jy
    stamps.table['name'] = ['a', 'b', 'c']
    store = StampStore.create(path, like=stamps)
    store.append(stamps)
    store.close()


def _read_store(path):
    from astro_wgan import StampStore

    with StampStore.open(path) as store:
        stamps = store[:]
        return stamps.pixels.sum(), stamps.table, stamps.mask


def _copy_model(path):
    from astro_wgan import datasets

    shutil.copytree(datasets.model_path('simulated_f160w'), path)


def _call(module, name, *parts, **options):
    """A function that reads a path, of which nothing is imported before it is called."""

    def read(path):
        found = importlib.import_module(module)
        for part in name.split('.'):
            found = getattr(found, part)
        return found(path, *parts, **options)

    return read


def _sublink_reader(path):
    from astropy.cosmology import Planck15

    from astro_wgan.mergers import read_sublink

    return read_sublink(path, redshifts=np.linspace(1, 0, 5), cosmology=Planck15)


_IMAGE = _call('astro_wgan.images', 'read_image')

#: What makes the bytes of a file, or the file or folder itself, and what reads it.
READERS = {
    'fits': (lambda: _fits(_plain()), _IMAGE),
    'fits of many': (_many, _IMAGE),
    'fits.gz': (lambda: gzip.compress(_fits(_plain()), mtime=0), _IMAGE),
    'RICE_1': (lambda: _tiles('RICE_1'), _IMAGE),
    'HCOMPRESS_1': (lambda: _tiles('HCOMPRESS_1', (12, 20)), _IMAGE),
    'PLIO_1': (lambda: _tiles('PLIO_1'), _IMAGE),
    'GZIP_2': (lambda: _tiles('GZIP_2'), _IMAGE),
    'png': (lambda: _picture('PNG'), _IMAGE),
    'jpeg': (lambda: _picture('JPEG'), _IMAGE),
    'tiff': (lambda: _picture('TIFF'), _IMAGE),
    'gif': (lambda: _picture('GIF'), _IMAGE),
    'ecsv': (lambda: _table('ecsv'), _call('astro_wgan.catalogs.table_files', 'read_table')),
    'csv': (lambda: _table('csv'), _call('astro_wgan.catalogs.table_files', 'read_table')),
    'table in fits': (
        lambda: _table('fits'),
        _call('astro_wgan.catalogs.table_files', 'read_table'),
    ),
    'parquet': (_make_parquet, _call('astro_wgan.catalogs', 'read_catalog')),
    'results in fits': (_make_results('fits'), _call('astro_wgan.catalogs', 'read_table')),
    'results in votable': (_make_results('vot'), _call('astro_wgan.catalogs', 'read_table')),
    'results in parquet': (_make_results('parquet'), _call('astro_wgan.catalogs', 'read_table')),
    'stamps in fits': (_make_stamp_file('fits'), _call('astro_wgan.stamps', 'StampSet.read')),
    'stamps as images': (
        _make_stamp_file('fits_images'),
        _call('astro_wgan.stamps', 'StampSet.read'),
    ),
    'hats': (_make_hats, _call('astro_wgan.catalogs', 'read_catalog')),
    'light map': (_light_map, _call('astro_wgan.mocks', 'read_light_map')),
    'particles': (_particles, _call('astro_wgan.mocks', 'read_particles')),
    'snapshot': (_snapshot, _call('astro_wgan.mocks', 'read_snapshot')),
    'sublink': (_sublink, _sublink_reader),
    'ytree': (
        _TREES.encode,
        _call('astro_wgan.mergers', 'read_ytree', progress=False),
    ),
    'arrays': (_make_arrays, _call('astro_wgan.files.atomic', 'read_arrays')),
    'resume file': (_make_resume, _read_resume),
    'labels': (_make_labels, _read_labels),
    'hunt folder': (_make_hunt, _read_hunt),
    'store': (_make_store, _read_store),
    'model': (_copy_model, _call('astro_wgan', 'WGAN.load')),
    'detector': (_copy_model, _call('astro_wgan', 'AnomalyDetector.load')),
}

#: What a reader's file is called, where that matters.
_NAMES = {'ytree': 'tree_0_0_0.dat', 'arrays': 'a.npz', 'resume file': 'a.npz'}


def mutated(content, rng):
    """The content with some false bytes."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        change = rng.choice((_flip, _flip, _zeros, _noise, _cut, _repeat, _number, _card, _card))
        content = change(content, rng) if content else content
    return bytes(content)


def _flip(content, rng):
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _zeros(content, rng):
    at, size = rng.randrange(len(content)), rng.choice((1, 8, 64, 512))
    content[at : at + size] = bytes(len(content[at : at + size]))
    return content


def _noise(content, rng):
    at, size = rng.randrange(len(content)), rng.choice((1, 4, 16))
    content[at : at + size] = rng.randbytes(len(content[at : at + size]))
    return content


def _cut(content, rng):
    at, size = rng.randrange(len(content)), rng.choice((1, 80, 2880, len(content)))
    del content[at : at + size]
    return content


def _repeat(content, rng):
    at, size = rng.randrange(len(content)), rng.choice((1, 80, 2880))
    content[at:at] = content[at : at + size]
    return content


def _number(content, rng):
    """Another number or word in a text."""
    found = list(re.finditer(rb'[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', bytes(content)))
    if found:
        match = rng.choice(found)
        other = str(rng.choice(_EXTREMES + _WORDS)).encode()
        content[match.start() : match.end()] = other
    return content


def _card(content, rng):
    """Another value of a card of a FITS header, without moving the others."""
    found = [
        match
        for match in re.finditer(rb'[A-Z][A-Z0-9_-]{1,7} *= ', bytes(content))
        if match.start() % 80 == 0
    ]
    if not found:
        return _number(content, rng)
    at = rng.choice(found).start()
    value = rng.choice(_EXTREMES + _WORDS)
    text = f"'{value}'" if rng.random() < 0.3 else str(value)
    content[at + 10 : at + 80] = f'{text:>20}'.ljust(70)[:70].encode()
    return content


class _Subject:
    """The file or folder of a reader, of which one file is false at a time."""

    def __init__(self, name, folder):
        make, self._read = READERS[name]
        self.path = Path(folder) / _NAMES.get(name, 'file')
        try:
            content = make()
        except TypeError:  # it makes the file itself
            make(self.path)
        else:
            self.path.write_bytes(content)
        files = [self.path] if self.path.is_file() else sorted(self.path.rglob('*'))
        self._contents = {file: file.read_bytes() for file in files if file.is_file()}
        self._name = name

    def read(self, seed):
        """Read it with false bytes; a word for what came of it, and a sentence."""
        rng = random.Random(f'{self._name} {seed}')
        file = rng.choice(list(self._contents))
        # The first is as it was made, which each reader must read.
        file.write_bytes(self._contents[file] if not seed else mutated(self._contents[file], rng))
        try:
            self._read(self.path)
        except Exception as error:
            return _kind_of(error), f'{type(error).__name__}: {error}'
        finally:
            for each, content in self._contents.items():
                if not each.is_file() or each.read_bytes() != content:
                    each.parent.mkdir(parents=True, exist_ok=True)
                    each.write_bytes(content)
        return 'read', ''


def _kind_of(error):
    from astropy.units import UnitsError

    if not isinstance(error, (ValueError, OSError, TypeError, UnitsError)):
        return 'other'
    # Not from the depth of a library that was given what it does not take.
    own = any('astro_wgan' in frame.filename for frame in traceback.extract_tb(error.__traceback__))
    return 'refused' if own and len(str(error)) > 10 else 'other'


def main():
    """Read the seeds that the command names."""
    import resource

    warnings.simplefilter('ignore')
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    name, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from astro_wgan.files import hdf5

    hdf5._PATIENCE = 2
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        subject = _Subject(name, folder)
        if first:
            subject.read(0)  # imports take time and memory
        for seed in range(first, last):
            print('begin', seed, flush=True)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            kind, sentence = subject.read(seed)
            grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            if grown > MEMORY and seed:
                kind, sentence = 'large', f'{grown / 2**30:.1f} GiB; {sentence}'
            print('end', kind, ' '.join(sentence.split())[:300], flush=True)


def run(name, first, last):
    """
    What a reader says to false files.

    Parameters
    ----------
    name : str
        One of `READERS`.
    first, last : int
        Seeds, the second one excluded; seed 0 is the file as it was made.

    Returns
    -------
    counts : dict of int
        Of ``'read'``, ``'refused'`` and whatever should not be.
    wrong : list of str
        A line for each seed that should not be.
    """
    counts, wrong = Counter(), []
    while first < last:
        reached = first - 1
        for seed, kind, sentence in _answers(name, first, last):
            counts[kind] += 1
            if kind not in ('read', 'refused') or (seed == 0 and kind != 'read'):
                wrong.append(f'{name}, seed {seed}: {kind}: {sentence}')
            reached = seed
        if reached < first:
            raise RuntimeError(f'The process of {name} ended without an answer.')
        first = reached + 1
    return counts, wrong


def _answers(name, first, last):
    """Seed, kind and sentence of each, up to the first that hangs or kills its process."""
    command = [sys.executable, __file__, name, str(first), str(last)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors='replace'
    )
    lines = queue.Queue()
    thread = threading.Thread(target=_put_lines, args=(process.stdout, lines), daemon=True)
    thread.start()
    seed = None
    try:
        while True:
            # The first one waits for imports.
            line = lines.get(timeout=PATIENCE if seed is not None else 4 * PATIENCE)
            if line is None:
                if seed is not None and process.wait():
                    yield seed, 'died', f'code {process.returncode}'
                return
            word, _, rest = line.strip().partition(' ')
            if word == 'begin':
                seed = int(rest)
            elif word == 'end':
                kind, _, sentence = rest.partition(' ')
                yield seed, kind, sentence
                if seed == last - 1:
                    return
    except queue.Empty:
        yield seed if seed is not None else first, 'hung', f'no answer within {PATIENCE} s'
    finally:
        process.kill()
        process.wait()
        thread.join()
        process.stdout.close()


def _put_lines(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)


if __name__ == '__main__':
    main()
