"""Stamps that commands write: whether they can be written, before work starts, and how."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from astro_wgan.commands.files.input_paths import check_place

__all__ = [
    'STAMP_ENDINGS',
    'check_stamp_output',
    'write_cutout_store',
    'write_cutouts',
    'write_stamps',
]

_FITS = ('.fits', '.fit', '.fits.gz', '.fit.gz')

#: Endings of names of stores and files of stamps.
STAMP_ENDINGS = ('.zarr', *_FITS)

#: Stamps that are in memory at a time.
_AT_ONCE = 1024


def check_stamp_output(path, *, inputs=(), overwrite=False, option='--output'):
    """
    Refuse what no stamps can be written to.

    Parameters
    ----------
    path : str
        A store, a FITS file, or a folder.
    inputs : sequence of str or None, optional
        Files that are read, and must not be replaced.
    overwrite : bool, optional
        Whether stamps that are there are replaced.
    option : str, optional
        Name of the option, for errors.

    Raises
    ------
    FileExistsError
        If it exists and is not to be replaced, or is something else.
    FileNotFoundError
        If there is no folder to write it into.
    PermissionError
        If that cannot be written.
    ValueError
        If it is an input.
    """
    check_place(path, inputs, option=option)
    target = Path(path).absolute()
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        raise FileExistsError(f'`{option}` {path} exists: give `--overwrite` to replace it.')
    is_store = (target / 'zarr.json').is_file()
    if is_store != path.endswith('.zarr') or (target.is_dir() and not is_store):
        raise FileExistsError(
            f'`{option}` {path} exists and is no such store or file: it is kept. Name another.'
        )


def write_stamps(stamps, path, *, record, form=None):
    """
    Write stamps, or replace what is there, in one step.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    path : str
        A store, or a FITS file.
    record : dict
        ``options.record`` of the command, which is written into a store, or beside a file.
    form : str, optional
        Format of `StampSet.write <astro_wgan.StampSet.write>`.
    """
    from astro_wgan.commands.options.configuration_file import record_text
    from astro_wgan.files.atomic import atomic_write
    from astro_wgan.store import StampStore

    path = Path(path)
    if path.name.lower().endswith(_FITS):
        stamps.write(path, format=form or 'fits', overwrite=True)
        with atomic_write(path.with_name(f'{path.name}.toml')) as temporary:
            temporary.write_text(record_text(record), encoding='utf-8')
        return
    with _new_store(path, record) as temporary:
        StampStore.from_stamps(temporary, stamps).close()


def write_cutout_store(paths, path, *, record, **reading):
    """
    Write files of cutouts as a store, or replace one, some hundreds of them at a time.

    Parameters
    ----------
    paths, **reading
        As of `StampStore.from_files <astro_wgan.StampStore.from_files>`.
    path : str
        The store.
    record : dict
        ``options.record`` of the command, which is written into it.

    Returns
    -------
    number : int
        Of stamps in the store.
    left_out : dict of str
        Why others cannot be read, by the names of their files.
    """
    # Not at the top, where the list of commands would wait for it.
    import numpy as np

    from astro_wgan.store import StampStore

    path = Path(path)
    with _new_store(path, record) as temporary:
        StampStore.from_files(temporary, paths, **reading).close()
        store = StampStore.open(temporary)
        about = store.read_table(columns=['file', 'status'])
        is_read = np.asarray(about['status']) == 'read'
        left_out = {str(row['file']): str(row['status']) for row in about[~is_read]}
        if left_out:
            _keep(store, np.flatnonzero(is_read), temporary)
    return int(is_read.sum()), left_out


def _keep(store, rows, path):
    """Replace a store by one of some of its stamps."""
    from astro_wgan.files.temporary_names import temporary_path
    from astro_wgan.store import StampStore

    kept = temporary_path(path)
    with StampStore.create(kept, like=store) as part:
        starts = range(0, len(rows), _AT_ONCE)
        part.extend(store[rows[start : start + _AT_ONCE]] for start in starts)
    shutil.rmtree(path)
    os.rename(kept, path)


@contextmanager
def _new_store(path, record):
    """A place for a store, which replaces what is at the path if nothing fails."""
    from astro_wgan.commands.options.configuration_file import write_record
    from astro_wgan.files.temporary_names import temporary_path

    temporary = temporary_path(path)
    try:
        yield temporary
        write_record(record, temporary)
        shutil.rmtree(path, ignore_errors=True)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_cutouts(stamps, folder, *, progress=True):
    """
    Write a FITS file for each stamp, called by its id, and for each band if there are several.

    Their table, ``stamps.ecsv``, is written beside them.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    folder : str
        Is made; it is complete or not there.
    progress : bool, optional
        Show a progress line.
    """
    from astro_wgan.catalogs import write_table
    from astro_wgan.files.temporary_names import temporary_path
    from astro_wgan.jobs.progress import ProgressLine

    folder = Path(folder)
    temporary = temporary_path(folder)
    temporary.mkdir()
    try:
        with ProgressLine('writing', quiet=not progress) as line:
            for start in range(0, len(stamps), _AT_ONCE):
                _write_files(stamps[start : start + _AT_ONCE], temporary)
                done = min(start + _AT_ONCE, len(stamps))
                line.update(done / len(stamps), f'{done:,} of {len(stamps):,} stamps')
        table = stamps.table.copy(copy_data=False)
        if not stamps.bands:
            # Those of ids that no file can be called by are written otherwise.
            table['file'] = [f'{_file_name(name)}.fits' for name in stamps.ids.tolist()]
        write_table(table, temporary / 'stamps.ecsv')
        if folder.is_dir():
            folder.rmdir()
        os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_files(stamps, folder):
    images = stamps.to_ccddata()
    bands = images if isinstance(images, dict) else {None: images}
    for band, each in bands.items():
        ending = '' if band is None else f'_{_file_name(band)}'
        for name, image in zip(stamps.ids.tolist(), each, strict=True):
            image.write(folder / f'{_file_name(name)}{ending}.fits')


def _file_name(name):
    """An id or the name of a band as part of the name of a file."""
    quoted = quote(str(name), safe='')
    # Files that begin with a point are hidden.
    return f'%2E{quoted[1:]}' if quoted.startswith('.') else quoted
