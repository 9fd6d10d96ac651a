"""Stamps from files of cutouts: FITS, JPEG and PNG files in a folder, with a table beside."""

import os
import warnings
from dataclasses import dataclass, fields, replace
from glob import glob, has_magic
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.astrometry.stamp_geometry import ParentImage, StampGeometry, scale_of_image
from astro_wgan.bands.band import as_bands
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.cutouts.conversion import each_warning_once
from astro_wgan.exceptions import ImageError
from astro_wgan.images.layouts.zero_point_cards import written_zero_point
from astro_wgan.images.plane_count import count_planes
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.images.reading import read_image
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.units.pixel_flux import pixel_meta
from astro_wgan.validation.axis_order import own_axes
from astro_wgan.validation.pixels import as_pixel_scale, as_shape

__all__ = ['arguments_of_files', 'batches_of_files']

#: Ends of the names of files in a folder that are read, in lower case.
_IMAGES = ('.fits', '.fit', '.fts', '.jpg', '.jpeg', '.png', '.tif', '.tiff')
_COMPRESSED = ('.gz', '.fz', '.bz2', '.xz', '.z', '.zip')

#: Columns that hold names of files, in lower case.
_NAMES = ('file', 'filename', 'file_name', 'path', 'image', 'image_name', 'cutout')

#: Status of files that are read.
_READ = 'read'

#: What reading a file may raise.
_REASONS = (ImageError, OSError, ValueError, TypeError, u.UnitsError)

#: Number of files that are read at a time.
_BATCH = 256


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
    parts = list(batches_of_files(paths, **options))
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
    **reading,
):
    """
    Read files of cutouts some at a time.

    Parameters
    ----------
    paths, table, size, bands, ...
        As in `~astro_wgan.StampSet.from_files`, which also documents the errors.
    batch_size : int, optional
        Number of files that are read at a time.
    **reading
        ``hdu``, ``plane``, ``zeros``, ``max_size``, ``layout`` and ``bits``.

    Yields
    ------
    dict
        Arguments of `~astro_wgan.StampSet`; and ``whole_table``, that of all files, without
        their status.
    """
    files = _list_files(paths)
    whole_table = _table_of_files(files, table)
    # Refuses what no file can be read with.
    options = ReadOptions(**reading)
    reading = {field.name: getattr(options, field.name) for field in fields(options)}
    common = _Common.of(files, size, bands, pixel_scale, reading)
    with ProgressLine('reading', quiet=not progress) as line:
        for first in range(0, len(files), batch_size):
            rows = slice(first, first + batch_size)
            with each_warning_once():
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


@dataclass(frozen=True, eq=False)
class _Common:
    """What all stamps have in common, from the first file that can be read."""

    file: Path
    shape: tuple
    is_given: bool
    planes: tuple
    bands: object
    unit: u.UnitBase
    dtype: np.dtype
    has_uncertainty: bool
    pixel_scale: u.Quantity | None
    zero_point: float | None
    meta: dict
    reading: dict

    @classmethod
    def of(cls, files, size, bands, pixel_scale, reading):
        if size is not None and not hasattr(size, 'unit'):
            size = as_shape(size)
        reason = None
        for file in files:
            try:
                planes = _planes(file, bands, reading)
                image = read_image(file, **{**reading, 'plane': planes[0]})
            except _REASONS as error:
                reason = reason or f'{file}: {_one_line(error)}'
                continue
            if pixel_scale is None:
                scale = scale_of_image(image.shape, image.wcs)
            else:
                scale = as_pixel_scale(pixel_scale)
            shape = image.shape if size is None else as_shape(size, pixel_scale=scale)
            count = len(planes)
            bands = None if bands is None else as_bands(bands, count)
            zero_point = written_zero_point(image.meta)
            if bands is not None and any(band.zero_point is not None for band in bands):
                # Those that are given are those of all files.
                zero_point = None
            return cls(
                file=file,
                shape=tuple(shape),
                is_given=size is not None,
                planes=planes,
                bands=_with_zero_point(bands, count, zero_point),
                unit=image.unit,
                dtype=image.data.dtype,
                has_uncertainty=image.uncertainty is not None,
                pixel_scale=scale,
                zero_point=zero_point,
                meta=pixel_meta(image.meta),
                reading=reading,
            )
        raise ImageError(f'None of the {len(files)} files can be read. {reason}')

    def read(self, files):
        """Stamps of some files; those that cannot be read are masked, and their status says why."""
        count = () if self.planes == (None,) or len(self.planes) == 1 else (len(self.planes),)
        shape = (len(files), *self.shape, *count)
        pixels = np.full(shape, np.nan, dtype=self.dtype)
        mask = np.ones(shape, dtype=bool)
        deviation = np.full(shape, np.nan, dtype=self.dtype) if self.has_uncertainty else None
        parents, corners, status = [], [], []
        for k, file in enumerate(files):
            parent, corner, reason = ParentImage(self.shape), np.zeros(2, dtype=np.int64), _READ
            try:
                for number, plane in enumerate(self.planes):
                    image = read_image(file, **{**self.reading, 'plane': plane})
                    corner = self._corner(image, file)
                    place = (k, Ellipsis, number) if count else (k, Ellipsis)
                    self._put(image, corner, pixels[place], mask[place])
                    if deviation is not None:
                        self._put_deviation(image, corner, deviation[place], mask[place])
                parent = ParentImage(image.shape, image.wcs)
            except _SizeError:
                raise
            except _REASONS as error:
                pixels[k], mask[k], reason = np.nan, True, _one_line(error)
            parents.append(parent)
            corners.append(corner)
            status.append(reason)
        corners = np.array(corners, dtype=np.int64).reshape(-1, 2)
        geometry = StampGeometry(tuple(parents), np.arange(len(files)), corners)
        return {
            'pixels': pixels,
            'mask': mask,
            'uncertainty': deviation,
            'geometry': geometry,
            'status': status,
        }

    def _corner(self, image, file):
        """First pixel (x, y) of the stamp in its image, by the rules of `crop` and `pad`."""
        if not self.is_given and image.shape != self.shape:
            raise _SizeError(
                f'The files have images of various sizes, such as {self.shape} ({self.file.name}) '
                f'and {image.shape} ({file.name}): give `size`, to which they are cropped or '
                'padded.'
            )
        pairs = zip(image.shape, self.shape, strict=True)
        # Half a pixel of the center goes to the side to which Cutout2D has it.
        first = [(n - m) // 2 if n >= m else -((m - n) // 2) for n, m in pairs]
        return np.array(first[::-1])

    def _put(self, image, corner, pixels, mask):
        inside, part = _overlap(image.shape, self.shape, corner)
        values = image.data[part]
        if image.unit != self.unit:
            values = image.unit.to(self.unit, values)
        factor = self._brightness(image)
        pixels[inside] = values if factor == 1 else values * values.dtype.type(factor)
        mask[inside] = False if image.mask is None else image.mask[part]
        mask |= ~np.isfinite(pixels)

    def _put_deviation(self, image, corner, deviation, mask):
        inside, part = _overlap(image.shape, self.shape, corner)
        # Of a file without uncertainty it is unknown.
        values = np.inf
        if image.uncertainty is not None:
            values = image.uncertainty.array[part]
            factor = self._brightness(image)
            if image.unit != self.unit:
                factor *= abs(image.unit.to(self.unit))
            values = values if factor == 1 else values * values.dtype.type(factor)
        deviation[inside] = values
        deviation[mask] = np.nan

    def _brightness(self, image):
        """Factor from the zero point of a file to that of the stamps."""
        own = written_zero_point(image.meta)
        if self.zero_point is None or own == self.zero_point:
            return 1.0
        if own is None:
            text = f'that of the first file, {self.zero_point:.3f} mag (AB).'
            message = f'Files without zero point are taken to have {text}'
            warnings.warn(message, AstropyUserWarning, stacklevel=2)
            return 1.0
        return 10 ** (0.4 * (self.zero_point - own))


class _SizeError(ValueError):
    """The error for images of various sizes, which is not that of one file."""


def _list_files(paths):
    """Files in a folder, of a pattern, or of a list."""
    if isinstance(paths, (str, os.PathLike)):
        text = os.fspath(paths)
        path = Path(text)
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if _stem(file.name) is not None)
            if not files:
                raise ValueError(f'`paths`: the folder {path} holds no {", ".join(_IMAGES)} files.')
        elif has_magic(text):
            files = sorted(Path(name) for name in glob(text, recursive=True))
            files = [file for file in files if file.is_file()]
            if not files:
                raise ValueError(f'`paths`: no file matches {text}.')
        else:
            files = [path]
    else:
        try:
            files = [Path(path) for path in paths]
        except TypeError as error:
            raise TypeError(
                f'`paths` must be a folder, a pattern or a list of paths; got {paths!r:.100}.'
            ) from error
        if not files:
            raise ValueError('`paths` must hold at least one file; got none.')
    return files


def _stem(name):
    """Name of an image file without its ends; None for other files, and for hidden ones."""
    lower = name.lower()
    for end in _COMPRESSED:
        if lower.endswith(end):
            lower = lower[: -len(end)]
    for end in _IMAGES:
        if lower.endswith(end) and not name.startswith('.'):
            return name[: len(lower) - len(end)]
    return None


def _table_of_files(files, table):
    """A row for each file, with the columns ``id`` and ``file``."""
    stems = [_stem(file.name) or file.stem for file in files]
    if table is None:
        table = QTable({'id': stems})
    else:
        table = read_table(table) if isinstance(table, (str, os.PathLike)) else as_qtable(table)
        table = _matched(table, files, stems)
        if 'id' not in table.colnames:
            table.add_column(stems, name='id', index=0)
    _check_unique(table['id'], files)
    table['file'] = [str(file) for file in files]
    return table


def _matched(table, files, stems):
    """The row of each file: by a column of names, by ids, or in the same order."""
    by_lower = {name.lower(): name for name in reversed(table.colnames)}
    column = next((by_lower[name] for name in _NAMES if name in by_lower), None)
    if column is not None:
        names = [Path(str(name)).name for name in table[column]]
        keys = [_stem(name) or name for name in names]
    elif 'id' in table.colnames:
        column, keys = 'id', [str(value) for value in table['id']]
    else:
        keys = []
    row_of = dict(zip(keys, range(len(keys)), strict=True))
    found = [stem in row_of for stem in stems]
    if all(found):
        if len(row_of) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f'Two rows of `table` have the {column} {twice!r}.')
        return table[[row_of[stem] for stem in stems]]
    if not any(found) and len(table) == len(files):
        return table.copy()
    if any(found):
        missing = files[found.index(False)]
        raise ValueError(
            f'`table` must have a row for each file; {found.count(False)} have none in its column '
            f'{column!r}, the first is {missing}.'
        )
    raise ValueError(
        f'`table` must have a row for each of the {len(files)} files: in a column of their names '
        f'({", ".join(_NAMES)}), as id, or in their order; got {len(table)} rows with the columns '
        f'{", ".join(table.colnames)}.'
    )


def _check_unique(ids, files):
    first = {}
    for value, file in zip(np.asarray(ids).tolist(), files, strict=True):
        if value in first:
            raise ValueError(
                f'Each file must have an id of its own; got {value!r} of {first[value]} and of '
                f'{file}. Give a `table` with a column `id`.'
            )
        first[value] = file


def _planes(file, bands, reading):
    """Planes of a file that become bands; one that is None is the whole image."""
    if reading['plane'] is not None:
        return (reading['plane'],)
    options = {name: reading[name] for name in ('hdu', 'max_size')}
    count, is_picture = count_planes(file, **options)
    if count is None or (is_picture and bands is None):
        return (None,)
    return tuple(range(count))


def _with_zero_point(bands, count, zero_point):
    """Bands with the zero point of the files, if that is known."""
    if zero_point is None:
        return bands
    bands = as_bands(None, count) if bands is None else bands
    return tuple(replace(band, zero_point=zero_point) for band in bands)


def _overlap(shape, wanted, corner):
    """Where an image overlaps with a stamp: parts of the stamp and of the image."""
    inside, part = [], []
    for n, m, first in zip(shape, wanted, corner[::-1].tolist(), strict=True):
        begin, end = max(0, first), min(n, first + m)
        part.append(slice(begin, end))
        inside.append(slice(begin - first, end - first))
    return tuple(inside), tuple(part)


def _one_line(error):
    return ' '.join(str(error).split()) or type(error).__name__


def _as_text(status):
    """A column of text of any length, as an array."""
    return np.array(status, dtype=str)
