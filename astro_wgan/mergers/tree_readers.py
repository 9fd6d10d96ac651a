"""Readers of merger trees: SubLink files, and other formats with ytree."""

import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable, Table

from astro_wgan.files.hdf5 import open_hdf5
from astro_wgan.files.limits import check_file, check_unit_text
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.optional import import_optional
from astro_wgan.validation.masked import without_mask

__all__ = ['read_sublink', 'read_ytree']

_SUBLINK = (
    'SubhaloID',
    'SnapNum',
    'DescendantID',
    'SubhaloMassType',
    'SubhaloHalfmassRadType',
    'SubhaloPos',
)
#: Field of consistent-trees that marks main progenitors.
_MARKED = 'mmp?'
_BY_TYPE = ('SubhaloMassType', 'SubhaloHalfmassRadType')
#: Optional field with the main progenitor.
_MAIN = 'FirstProgenitorID'
#: Characters that do not occur in units, and with which Python could execute code.
_NO_UNIT = re.compile(r'[^\w\s.*/^()+°%-]|__')
#: Index of stars among the six particle types of Gadget and Arepo.
_STARS = 4


def read_sublink(source, *, redshifts, cosmology, max_size=None):
    """
    Read SubLink merger trees, such as those of Illustris and IllustrisTNG.

    Parameters
    ----------
    source : path-like, sequence of path-like, or table
        HDF5 files ``tree_extended.*.hdf5`` (all chunks of a simulation, or a single tree from the
        web service), or a table or mapping with the same fields.
    redshifts : array_like or mapping
        Redshifts by snapshot number.
    cosmology : `~astropy.cosmology.Cosmology`
        Cosmology of the simulation. Its h enters all masses and lengths.
    max_size : number, optional
        Maximum number of bytes to read from a file; by default a quarter of the memory.

    Returns
    -------
    `~astropy.table.QTable`
        A table for `MergerTrees`. Positions and half-light radii (the half-mass radii of the stars)
        are comoving. ``main_progenitor_id`` is ``FirstProgenitorID``, if the files have it.

    Raises
    ------
    ValueError
        If a field or the redshift of a snapshot is missing, or a file is not an HDF5 file, damaged
        or larger than allowed.
    FileNotFoundError
        If there is no such file.

    Notes
    -----
    See Rodriguez-Gomez et al. 2015, MNRAS 449, 49. Masses are in 1e10 solar masses / h, lengths in
    comoving kpc / h. The tree of a single galaxy ends at its snapshot, but its last galaxy has the
    id of a descendant: use ``missing='end'`` of `MergerTrees`.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy.cosmology import Planck15
    >>> from astro_wgan.mergers import read_sublink
    >>> table = read_sublink(
    ...     {
    ...         'SubhaloID': [10, 11],
    ...         'SnapNum': [99, 98],
    ...         'DescendantID': [-1, 10],
    ...         'SubhaloMassType': np.full((2, 6), 6.774),
    ...         'SubhaloHalfmassRadType': np.full((2, 6), 2.0),
    ...         'SubhaloPos': np.zeros((2, 3)),
    ...     },
    ...     redshifts={98: 0.0095, 99: 0.0},
    ...     cosmology=Planck15,
    ... )
    >>> table['stellar_mass'][0]
    <Quantity 1.e+11 solMass>
    """
    fields = _sublink_fields(source, max_size)
    snapshot = fields['SnapNum'].astype(np.int64)
    mass = fields['SubhaloMassType'] * 1e10 / cosmology.h
    radius = fields['SubhaloHalfmassRadType'] / cosmology.h
    main = {}
    if _MAIN in fields:
        main = {'main_progenitor_id': fields[_MAIN].astype(np.int64)}
    return QTable(
        {
            'id': fields['SubhaloID'].astype(np.int64),
            'snapshot': snapshot,
            'redshift': _redshifts_of(snapshot, redshifts),
            'stellar_mass': mass * u.Msun,
            'descendant_id': fields['DescendantID'].astype(np.int64),
            **main,
            'position': fields['SubhaloPos'] / cosmology.h * u.kpc,
            'half_light_radius': radius * u.kpc,
        },
        meta={'format': 'SubLink', 'hubble': float(cosmology.h)},
        copy=False,
    )


def read_ytree(source, *, stellar_mass='mass', half_light_radius=None, progress=True, **options):
    """
    Read merger trees with ytree: AHF, consistent-trees, Rockstar and others.

    Parameters
    ----------
    source : path-like or ytree arbor
        File for `ytree.load`: ``locations.dat`` or ``tree_0_0_0.dat`` of consistent-trees, the
        first ``.parameter`` file of AHF, ...
    stellar_mass : str, optional
        Name of the field with the stellar mass. By default ``'mass'``, the mass of the halo, since
        most halo finders do not consider stars.
    half_light_radius : str, optional
        Name of the field with the half-light radius. Without it the table has no such column, and
        can tell mergers and isolated galaxies, but no sequences.
    progress : bool, optional
        Show a progress line.
    **options
        For `ytree.load`, such as ``hubble_constant`` for AHF.

    Returns
    -------
    `~astropy.table.QTable`
        A table for `MergerTrees`. Positions are comoving. If the files have no snapshot numbers,
        snapshots are counted from 0. ``main_progenitor_id`` follows from the field ``mmp?`` of
        consistent-trees, if there is one. ``meta`` has the size of the box and the cosmological
        parameters.

    Raises
    ------
    ImportError
        If ytree is not installed.
    ValueError
        If a field is missing.

    Notes
    -----
    AHF links a halo with several others, of which ytree keeps the best match as descendant.
    """
    try:
        with _quiet_ytree(), _units_without_code():
            arbor = _arbor(source, options)
            fields = _fields(arbor, stellar_mass, half_light_radius)
            return _table_of(arbor, _gather(arbor, fields, progress))
    except (ImportError, OSError):
        raise
    except Exception as error:  # ytree has no common class of errors
        where = source if isinstance(source, (str, os.PathLike)) else type(source).__name__
        raise ValueError(f'The trees of {where} cannot be read: {error}') from error


def _fields(arbor, stellar_mass, half_light_radius):
    """Names of the fields to read in ytree."""
    names = {'id': 'uid', 'descendant_id': 'desc_uid', 'redshift': 'redshift'}
    names |= {'stellar_mass': stellar_mass}
    names |= {f'position_{axis}': f'position_{axis}' for axis in 'xyz'}
    if half_light_radius is not None:
        names['half_light_radius'] = half_light_radius
    numbered = 'snapshot' if 'snapshot' in arbor.field_info else 'Snap_idx'
    if numbered in arbor.field_info:
        names['snapshot'] = numbered
    if _MARKED in arbor.field_info:
        names['main'] = _MARKED
    known = {*arbor.field_info, 'uid', 'desc_uid'}
    unknown = [name for name in names.values() if name not in known]
    if unknown:
        raise ValueError(f'they have no fields {unknown}; they have {sorted(known)}.')
    return names


def _sublink_fields(source, max_size):
    if isinstance(source, (Table, Mapping)):
        names = source.colnames if isinstance(source, Table) else source.keys()
        return _fields_of_stars(source, names, 'the table')
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not paths:
        raise ValueError('`source` must name at least one file; got none.')
    chunks = []
    for path in paths:
        with open_hdf5(path, extra='trees', max_size=max_size) as file:
            chunks.append(_fields_of_stars(file, file.keys(), path))
    some = [path for path, chunk in zip(paths, chunks, strict=True) if _MAIN not in chunk]
    if 0 < len(some) < len(paths):
        raise ValueError(f'{some[0]} lacks the field {_MAIN}, which others have.')
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _fields_of_stars(fields, names, where):
    """The required fields as arrays; for fields by particle type only those of stars."""
    missing = [name for name in _SUBLINK if name not in names]
    if missing:
        raise ValueError(f'SubLink trees need the fields {missing}, which {where} lacks.')
    found = {}
    for name in [*_SUBLINK, *([_MAIN] if _MAIN in names else [])]:
        # Sliced first, so that only one column of six is read from a file.
        values = fields[name] if hasattr(fields[name], 'shape') else np.asarray(fields[name])
        values = values[:, _STARS] if name in _BY_TYPE else values[...]
        values, mask = without_mask(values)
        found[name] = np.asarray(getattr(values, 'value', values))
        if mask is not None:
            found[name] = _where_masked(found[name], mask, name)
    return found


def _where_masked(values, mask, name):
    """Replace masked ids by -1, and masked numbers by NaN."""
    if values.dtype.kind == 'f':
        return np.where(mask, np.nan, values)
    if name in ('DescendantID', _MAIN):
        return np.where(mask, -1, values.astype(np.int64))
    raise ValueError(f'The field {name} must have a value for each galaxy; some are masked.')


def _redshifts_of(snapshot, redshifts):
    numbers, which = np.unique(snapshot, return_inverse=True)
    found = np.full(len(numbers), np.nan)
    for i, number in enumerate(numbers.tolist()):
        if isinstance(redshifts, Mapping):
            found[i] = redshifts.get(number, np.nan)
        elif 0 <= number < len(redshifts):
            found[i] = redshifts[number]
    if not np.isfinite(found).all():
        raise ValueError(
            f'`redshifts` must have an entry for each snapshot; it lacks snapshot '
            f'{numbers[~np.isfinite(found)][0]}.'
        )
    return found[which]


def _arbor(source, options):
    ytree = import_optional('ytree', purpose='Reading these trees needs')
    if isinstance(source, (str, os.PathLike)):
        check_file(source)
        arbor = ytree.load(os.fspath(source), **options)
        _check_number_of_trees(arbor, Path(source).parent)
        return arbor
    return source


def _check_number_of_trees(arbor, folder):
    """Raise an error if a file claims more trees than it has bytes: ytree would loop over them."""
    size = 0
    for file in folder.rglob('*'):
        size += file.stat().st_size if file.is_file() else 0
        if size >= arbor.size:
            return
    raise ValueError(f'there should be {arbor.size:,} of them, but the files have {size:,} bytes')


@contextmanager
def _units_without_code():
    """
    Validate the units in files before ytree parses them.

    unyt evaluates unit strings as Python code, so that a malicious file could execute code.
    """
    try:
        from unyt import unit_object
    except ImportError:
        yield
        return
    parse = unit_object.parse_unyt_expr

    def checked(text):
        if _NO_UNIT.search(text):
            raise ValueError(f'{text[:40]!r} is not a unit.')
        check_unit_text(text)
        return parse(text)

    unit_object.parse_unyt_expr = checked
    try:
        yield
    finally:
        unit_object.parse_unyt_expr = parse


@contextmanager
def _quiet_ytree():
    """Suppress progress bars and messages of yt, on which ytree is based."""
    try:
        from yt.utilities.logger import ytLogger
    except ImportError:
        yield
        return
    level = ytLogger.level
    ytLogger.setLevel('ERROR')
    try:
        yield
    finally:
        ytLogger.setLevel(level)


def _gather(arbor, names, progress):
    """The fields of all trees, each in one array."""
    parts = {name: [] for name in names}
    with ProgressLine('reading trees', quiet=not progress) as line:
        for i, root in enumerate(arbor):
            for name, field in names.items():
                parts[name].append(root['forest', field])
            line.update((i + 1) / arbor.size, f'{i + 1} of {arbor.size} trees')
    if not parts['id']:
        raise ValueError('`source` contains no tree.')
    units = {'stellar_mass': 'Msun', 'half_light_radius': 'kpc'}
    units |= {f'position_{axis}': 'kpc' for axis in 'xyz'}
    return {
        name: np.concatenate(
            [np.asarray(part.to(units[name]) if name in units else part) for part in some]
        )
        for name, some in parts.items()
    }


def _table_of(arbor, columns):
    redshift = np.asarray(columns['redshift'], dtype=float)
    # Scale factors have few digits: those of one snapshot may differ in the last one.
    late_first, number = np.unique(np.round(redshift, 6), return_inverse=True)
    redshift = late_first[number]
    snapshot = columns.get('snapshot', len(late_first) - 1 - number)
    table = QTable(
        {
            'id': np.asarray(columns['id']).astype(np.int64),
            'snapshot': np.asarray(snapshot).astype(np.int64),
            'redshift': redshift,
            'stellar_mass': columns['stellar_mass'] * u.Msun,
            'descendant_id': np.asarray(columns['descendant_id']).astype(np.int64),
            'position': np.column_stack([columns[f'position_{axis}'] for axis in 'xyz']) * u.kpc,
        }
    )
    if 'main' in columns:
        marked = np.asarray(columns['main']) == 1
        table['main_progenitor_id'] = _marked_main(table['id'], table['descendant_id'], marked)
    if 'half_light_radius' in columns:
        table['half_light_radius'] = columns['half_light_radius'] * u.kpc
    table.meta['format'] = type(arbor).__name__
    for name in ('hubble_constant', 'omega_matter', 'omega_lambda'):
        if getattr(arbor, name, None) is not None:
            table.meta[name] = float(getattr(arbor, name))
    if getattr(arbor, 'box_size', None) is not None:
        table.meta['box'] = float(arbor.box_size.to('kpc')) * u.kpc
    return table


def _marked_main(ids, descendants, marked):
    """Ids of the main progenitors of all galaxies, from marks of main progenitors; -1 for none."""
    order = np.argsort(ids)
    marked = marked & np.isin(descendants, ids)
    main = np.full(len(ids), -1, dtype=np.int64)
    galaxy = order[np.searchsorted(ids, descendants[marked], sorter=order)]
    main[galaxy] = ids[marked]
    return main
