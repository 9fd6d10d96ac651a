"""Stamps from files of cutouts: FITS, JPEG and PNG files in a folder, with a table beside."""

from dataclasses import fields

import numpy as np

from astro_wgan.astrometry.stamp_geometry import StampGeometry
from astro_wgan.cutouts.folders.file_rows import list_files, table_of_files
from astro_wgan.cutouts.folders.stamp_reader import StampReader
from astro_wgan.files.limits import check_memory
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.validation.axis_order import own_axes

__all__ = ['arguments_of_files', 'batches_of_files']

#: Maximum number of files that are read at a time, and of bytes of their pixels and masks.
_BATCH, _BATCH_BYTES = 256, 2**27


def arguments_of_files(paths, **options):
    """
    Arguments of `~astro_wgan.StampSet` for files of cutouts.

    Parameters
    ----------
    paths, **options
        As in `~astro_wgan.StampSet.from_files`, which also documents the errors.

    Returns
    -------
    dict
    """
    parts = list(batches_of_files(paths, in_memory=True, **options))
    first = parts[0]
    joined = {'geometry': StampGeometry.concatenate([part['geometry'] for part in parts])}
    for name in ('pixels', 'mask', 'uncertainty'):
        if first[name] is not None:
            joined[name] = np.concatenate([part.pop(name) for part in parts])
    statuses = np.concatenate([np.asarray(part['table']['status']) for part in parts])
    table = first['whole_table']
    table['status'] = statuses
    joined['table'] = table
    return {**{k: v for k, v in first.items() if k != 'whole_table'}, **joined}


def batches_of_files(
    paths,
    *,
    table=None,
    size=None,
    bands=None,
    pixel_scale=None,
    psf=None,
    progress=True,
    batch_size=_BATCH,
    in_memory=False,
    **reading,
):
    """
    Read files of cutouts some at a time.

    Parameters
    ----------
    paths, table, size, bands, ...
        As in `~astro_wgan.StampSet.from_files`, which also documents the errors.
    batch_size : int, optional
        Maximum number of files that are read at a time.
    in_memory : bool, optional
        Whether all of them will be in memory together.
    **reading
        ``hdu``, ``plane``, ``zeros``, ``max_size``, ``layout`` and ``bits``.

    Yields
    ------
    dict
        Arguments of `~astro_wgan.StampSet`; and ``whole_table``, that of all files, without
        their status.
    """
    # Refuses what no file can be read with.
    options = ReadOptions(**reading)
    files = list_files(paths, options.remote)
    whole_table = table_of_files(files, table)
    reading = {field.name: getattr(options, field.name) for field in fields(options)}
    common = StampReader.of(files, size, bands, pixel_scale, reading)
    if in_memory:
        check_memory(
            common.stamp_bytes * len(files),
            f'`paths`: {len(files)} stamps of {common.shape[0]} x {common.shape[1]} pixels',
            'Write them to a store by `StampStore.from_files`, or lower `size`.',
        )
    batch_size = max(1, min(batch_size, _BATCH_BYTES // common.stamp_bytes))
    with ProgressLine('reading', quiet=not progress) as line:
        for first in range(0, len(files), batch_size):
            rows = slice(first, first + batch_size)
            part = common.read(files[rows])
            rows_of_table = whole_table[rows]
            rows_of_table['status'] = _as_text(part.pop('status'))
            done = min(first + batch_size, len(files))
            line.update(done / len(files), f'{done} of {len(files)} files')
            yield {
                **part,
                'unit': common.unit,
                'pixel_scale': common.pixel_scale,
                'psf': psf,
                'bands': common.bands,
                'table': rows_of_table,
                'whole_table': whole_table,
                'meta': {
                    **common.meta,
                    'provenance': provenance_record(
                        files=len(files), first_file=str(files[0]), size=list(common.shape)
                    ),
                },
                'axes': own_axes(part['pixels'].ndim),
                'assume_finite': True,
            }
    common.warn_of_differences()


def _as_text(status):
    """A column of text of any length, as an array."""
    return np.array(status, dtype=str)
