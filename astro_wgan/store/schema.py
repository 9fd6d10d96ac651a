"""Arrays of a store: created from a template set, and read as a template set and as a table."""

from urllib.parse import quote

import numpy as np
from astropy import units as u
from astropy.io.misc import yaml

from astro_wgan.bands.band import Band
from astro_wgan.catalogs.table_codec import column_names, decode, describe, encode
from astro_wgan.exceptions import StampStoreError
from astro_wgan.files.limits import check_unit_text
from astro_wgan.files.yaml_text import load_yaml
from astro_wgan.stamps.consistency import follow_sources
from astro_wgan.stamps.stampset import StampSet
from astro_wgan.store.arrays.appendable import AppendableArrays
from astro_wgan.store.arrays.zarr_format import COMPRESSIONS, LARGEST_CHUNK
from astro_wgan.store.parent_images import RESAMPLING, origin_array
from astro_wgan.validation.axis_order import own_axes

__all__ = [
    'add_mask',
    'column_array',
    'create_arrays',
    'empty_set',
    'meta_from_text',
    'meta_text',
    'read_table',
    'unit_text',
]

#: Bytes of pixels in a chunk, and number of chunks in a file.
_CHUNK_BYTES = 2**20
_CHUNKS_PER_SHARD = 16

#: Maximum rows and bytes in a file of a column, and bytes and rows for text.
_COLUMN_ROWS = 2**14
_COLUMN_BYTES = 2**24
_TEXT_BYTES = 2**9
_TEXT_ROWS = 2**8

#: Name of the array with the PSF of a band, before the number of the band.
_PSF_OF_BAND = 'psf_of_band_'

#: Number of characters of provenance above which it is read as a trial before it is written.
_LONG = 2**16


def create_arrays(path, like, *, chunk, shard, compression, overwrite):
    """
    Create the arrays of a store without stamps.

    Parameters
    ----------
    path, like, chunk, shard, compression, overwrite
        As in `~astro_wgan.StampStore.create`, which also documents the errors.
    """
    chunk, shard = _file_sizes(like, chunk, shard)
    if compression not in COMPRESSIONS:
        raise ValueError(f'`compression` must be one of {COMPRESSIONS}; got {compression!r}.')
    scale = None if follow_sources(like) else like.pixel_scale
    header = {
        'unit': unit_text(like.unit),
        'pixel_scale': None if scale is None else float(scale.value),
        'table': describe(like.table),
        'bands': [band.to_dict() for band in like.bands],
    }
    meta = np.array([meta_text(like.meta)]) if like.meta else []
    columns, _ = encode(like.table[:0])
    with AppendableArrays.created(path, header=header, overwrite=overwrite) as arrays:
        stack = {'shape': like.pixels.shape[1:], 'chunk': chunk, 'shard': shard}
        for name in ('pixels', 'uncertainty'):
            if getattr(like, name) is not None:
                arrays.add(name, dtype=like.pixels.dtype, compression=compression, **stack)
        arrays.add('origin', dtype=np.int64, shape=(3,), chunk=_COLUMN_ROWS)
        for name, values in columns.items():
            kind = {'dtype': values.dtype, 'shape': values.shape[1:]}
            size = _TEXT_BYTES if values.dtype.kind == 'U' else values.dtype.itemsize
            rows = _COLUMN_BYTES // max(1, size * int(np.prod(values.shape[1:])))
            rows = min(_COLUMN_ROWS, max(1, rows))
            arrays.add(column_array(name), chunk=rows, **kind)
        for name in ('parents', 'meta'):
            arrays.add(name, dtype=str, chunk=_TEXT_ROWS)
        if like.psf is not None:
            arrays.add('psf', dtype=float, shape=like.psf.shape[1:], chunk=len(like.psf))
            arrays.append({'psf': like.psf})
        for k, band in enumerate(like.bands):
            if band.psf is not None:
                name = _psf_array(k)
                arrays.add(name, dtype=float, shape=band.psf.shape[1:], chunk=len(band.psf))
                arrays.append({name: band.psf})
        arrays.append({'meta': meta})
    return arrays


def empty_set(arrays):
    """
    A `~astro_wgan.StampSet` without stamps that has all common properties of those in a store.

    Raises
    ------
    StampStoreError
        If the arrays are inconsistent, or their description is damaged.
    """
    _check_alike(arrays)
    try:
        return _empty_set(arrays)
    except (StampStoreError, MemoryError):
        raise
    except Exception as error:  # invalid units, tables and PSFs raise various exceptions
        raise StampStoreError(
            f'The store {arrays.path} is damaged: its description is inconsistent: {error}'
        ) from error


def _empty_set(arrays):
    if arrays.header['unit'] is not None:
        check_unit_text(arrays.header['unit'])
    pixels = arrays['pixels']
    none = np.empty((0, *pixels.shape), dtype=pixels.dtype)
    scale = arrays.header['pixel_scale']
    return StampSet(
        none,
        uncertainty=none if 'uncertainty' in arrays else None,
        unit=arrays.header['unit'],
        pixel_scale=None if scale is None else scale * u.arcsec / u.pix,
        psf=arrays.read('psf', np.arange(arrays.length('psf'))) if 'psf' in arrays else None,
        bands=_read_bands(arrays),
        table=read_table(arrays, np.arange(0)),
        axes=own_axes(none.ndim),
    )


def _read_bands(arrays):
    # Stores of earlier versions have no names of bands.
    described = arrays.header.get('bands')
    if not described:
        return None
    bands = []
    for k, values in enumerate(described):
        name = _psf_array(k)
        psf = arrays.read(name, np.arange(arrays.length(name))) if name in arrays else None
        bands.append(Band.from_dict(values, psf=psf))
    return bands


def _psf_array(number):
    return f'{_PSF_OF_BAND}{number}'


def read_table(arrays, rows, names=None):
    """
    Read rows of the table as a `~astropy.table.QTable`.

    Parameters
    ----------
    arrays : `~astro_wgan.store.arrays.appendable.AppendableArrays`
    rows : `~numpy.ndarray` of int
        In increasing order.
    names : sequence of str, optional
        Names of columns; all by default.

    Raises
    ------
    KeyError
        If there is no such column.
    StampStoreError
        If a column is damaged or contradicts its description.
    """
    description = arrays.header['table']
    columns, masks = {}, {}
    for name in column_names(description, names):
        columns[name] = _column(arrays, column_array(name), rows)
        mask = column_array(name, mask=True)
        if mask in arrays:
            masks[name] = arrays.read(mask, rows)
    try:
        return decode(description, columns, masks)
    except Exception as error:  # coordinates, times and units raise various exceptions
        raise StampStoreError(
            f'The table of the store {arrays.path} is damaged: {" ".join(str(error).split())}'
        ) from error


def _column(arrays, name, rows):
    values = arrays.read(name, rows)
    if values.dtype.kind == 'O' and values.size:
        # In a NumPy array each text takes the memory of the longest: four bytes per character.
        longest = max(map(len, values.flat))
        arrays.check_size(name, 4 * longest * values.size)
        return values.astype(f'U{max(1, longest)}')
    return values


def add_mask(arrays, name):
    """Add a mask to an array of stamps or of rows in which nothing has been masked so far."""
    masked = arrays['pixels' if name == 'mask' else name.replace('table_mask/', 'table/')]
    arrays.add(
        name,
        dtype=bool,
        shape=masked.shape,
        chunk=masked.chunk,
        shard=masked.shard,
        first=arrays.length('pixels'),
    )


def _check_alike(arrays):
    """Make sure that a store has all arrays, with consistent lengths and shapes."""
    if 'pixels' not in arrays:
        raise _unfit(arrays, 'it has no array `pixels`')
    count, stamp = arrays.length('pixels'), arrays['pixels']
    numbers, origin = (stamp.dtype, stamp.shape), origin_array(arrays)
    needed = {
        'pixels': numbers,
        'uncertainty': numbers,
        'mask': (np.dtype(bool), stamp.shape),
        origin: (np.dtype(np.int64), (3,)),
        RESAMPLING: (np.dtype(float), (3,)),
        'parents': (np.dtype(str), ()),
        'meta': (np.dtype(str), ()),
    }
    if stamp.dtype.kind not in 'biuf' or len(stamp.shape) not in (2, 3):
        raise _unfit(arrays, f'its pixels are {stamp.dtype} in stamps of {stamp.shape}')
    for name in {'pixels', origin, 'parents', 'meta', *arrays}:
        if name not in arrays:
            raise _unfit(arrays, f'it has no array `{name}`')
        layout, length = arrays[name], arrays.length(name)
        may_begin_later = name in ('mask', RESAMPLING) or name.startswith('table_mask/')
        if name in needed and (layout.dtype, layout.shape) != needed[name]:
            raise _unfit(arrays, f'its `{name}` holds {layout.dtype} in rows of {layout.shape}')
        if layout.first and not may_begin_later:
            raise _unfit(arrays, f'{layout.first} rows of `{name}` have no file')
        is_alone = name in ('parents', 'meta', 'psf') or name.startswith(_PSF_OF_BAND)
        if not is_alone and length != count:
            raise _unfit(arrays, f'`{name}` has {length} rows for {count} stamps')


def _unfit(arrays, what):
    return StampStoreError(f'The store {arrays.path} is damaged: {what}.')


def column_array(name, *, mask=False):
    """Name of the array that holds a column of the table, or the column's mask."""
    # Names of columns are arbitrary, those of folders are not.
    text = quote(name, safe=' ()[]{}+-=,;@&')
    if text.startswith('.'):
        text = '%2E' + text[1:]  # hidden files are temporary
    return ('table_mask/' if mask else 'table/') + text


def meta_text(meta):
    """
    Provenance as YAML, which supports units and coordinates.

    Raises
    ------
    TypeError
        If it cannot be written as YAML.
    """
    try:
        text = yaml.dump(meta)
        if len(text) > _LONG:
            load_yaml(text)
    except (yaml.yaml.YAMLError, ValueError) as error:
        raise TypeError(
            '`meta` must consist of numbers, text, lists, dictionaries and astropy objects: '
            f'{error}'
        ) from error
    return text


def meta_from_text(text):
    """
    The inverse of `meta_text`.

    Raises
    ------
    ValueError
        If it is not such text.
    """
    return load_yaml(str(text))


def _file_sizes(like, chunk, shard):
    """Number of stamps in a chunk and in a shard."""
    stamp_bytes = like.pixels.dtype.itemsize * int(np.prod(like.pixels.shape[1:]))
    if stamp_bytes == 0:
        raise ValueError(f'`like` must have stamps with pixels; got the shape {like.shape}.')
    if chunk is None:
        chunk = 2 ** int(np.log2(max(1, _CHUNK_BYTES / stamp_bytes)))
    if shard is None:
        shard = _CHUNKS_PER_SHARD * chunk
    for name, value in (('chunk', chunk), ('shard', shard)):
        if not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f'`{name}` must be a number of stamps above 0; got {value!r}.')
    if shard % chunk:
        raise ValueError(f'`shard` must be a multiple of `chunk`, {chunk}; got {shard}.')
    if chunk * stamp_bytes > LARGEST_CHUNK:
        raise ValueError(
            f'`chunk` of {chunk} stamps would have {chunk * stamp_bytes:,} bytes; at most '
            f'{LARGEST_CHUNK:,} are allowed.'
        )
    return int(chunk), int(shard)


def unit_text(unit):
    """
    A unit as text that astropy can read; None for no unit.

    Raises
    ------
    ValueError
        If there is no such text.
    """
    if unit is None:
        return None
    text = unit.to_string()
    try:
        same = u.Unit(text) == unit
    except ValueError:
        same = False
    if not same:
        raise ValueError(
            f'The unit of the stamps, {text!r}, cannot be read again from its name: convert them '
            'to a unit known to astropy.'
        )
    return text
