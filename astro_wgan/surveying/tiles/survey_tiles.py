"""`as_tiles`: tiles of a survey by their names, from paths, lists, dictionaries or a pattern."""

import fnmatch
import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from astro_wgan.remote.remote_files import as_remote_files
from astro_wgan.remote.uri_patterns import has_pattern, matching_uris
from astro_wgan.remote.uris import is_uri, local_path, name_of, shown

__all__ = ['Tile', 'as_tiles']

#: Names become names of files.
_NAME = re.compile(r'[\w+-][\w.+-]*')

_LONGEST_NAME = 150

#: What stands for the name of a band in a pattern.
_BAND = '{band}'


@dataclass(frozen=True)
class Tile:
    """
    A tile of a survey.

    Attributes
    ----------
    name : str
    images : tuple of (str or None, str)
        Band and path of each image; the band of a single image without the name of one is None.
    """

    name: str
    images: tuple

    @property
    def bands(self):
        """Names of the bands, or None."""
        names = [band for band, _ in self.images]
        return None if names == [None] else names


def as_tiles(tiles, bands=None, *, remote=None):
    """
    The tiles of a survey.

    Parameters
    ----------
    tiles : path-like, list of path-like, or dict
        A path or a pattern such as ``'tiles/*.fits'``, or, with ``bands``,
        ``'tiles/*_{band}.fits'``; a list of these, of which the names of files without folder
        and suffixes are those of the tiles, or a dictionary of paths by the names of tiles. In
        place of a path, a dictionary can have a dictionary of paths by band, or a list of them in
        the order of ``bands``.
    bands : sequence of str, optional
        Bands to use, in this order; by default all in the order of the first tile.
    remote : `~astro_wgan.images.RemoteFiles`, optional
        How files at URIs are listed, whose patterns have ``*``.

    Returns
    -------
    list of `Tile`

    Raises
    ------
    ValueError
        If there are no tiles, two have one name or one file, their bands differ, or a pattern of
        URIs cannot be expanded.
    TypeError
        If they are something else.
    RemoteFileError
        If files of a pattern of URIs are not listed.

    Examples
    --------
    >>> from astro_wgan.surveying.tiles.survey_tiles import as_tiles
    >>> [tile.name for tile in as_tiles(['a/p00.fits.fz', 'a/p01.fits.fz'])]
    ['p00', 'p01']
    """
    if isinstance(bands, str):
        raise TypeError(f'`bands` must be a list of names; got the text {bands!r}.')
    bands = None if bands is None else [str(band) for band in bands]
    if isinstance(tiles, (str, os.PathLike)):
        tiles = _matching(os.fspath(tiles), bands, remote)
    elif isinstance(tiles, (list, tuple)):
        tiles = _expanded(tiles, bands, remote)
    if isinstance(tiles, Mapping):
        named = {str(name): images for name, images in tiles.items()}
    elif isinstance(tiles, (list, tuple)):
        named = _named_by_files(tiles)
    else:
        raise TypeError(
            f'`tiles` must be a path, a list or a dictionary; got {type(tiles).__name__}.'
        )
    if not named:
        raise ValueError('`tiles` must hold at least one tile; got none.')
    found = []
    for name, images in named.items():
        _check_name(name)
        found.append(Tile(name, _images(name, images, bands)))
    _check_bands(found)
    _check_files(found)
    return found


def _matching(pattern, bands, remote):
    if _BAND in pattern:
        return _matching_bands([pattern], bands, remote)
    if has_pattern(pattern):
        return _found(pattern, remote)
    path = _local(pattern)
    # The query of a URI may have a question mark.
    if is_uri(path) or not glob.has_magic(path) or os.path.exists(path):
        return [pattern]
    return _found(path, remote)


def _local(pattern):
    """A path of this machine, also from its ``file://`` URI; other URIs as they are."""
    path = local_path(pattern)
    return pattern if path is None else path


def _expanded(paths, bands, remote):
    """A list in which patterns stand for the paths that they match."""
    texts = [os.fspath(path) for path in paths if isinstance(path, (str, os.PathLike))]
    if any(_BAND in text for text in texts):
        return _matching_bands(texts, bands, remote)
    expanded = []
    for path in paths:
        is_path = isinstance(path, (str, os.PathLike))
        expanded += _matching(os.fspath(path), bands, remote) if is_path else [path]
    return expanded


def _found(pattern, remote):
    """The paths or URIs that a pattern matches; a URI without ``*`` stands for itself."""
    if has_pattern(pattern):
        paths = matching_uris(pattern, as_remote_files(remote))
    else:
        paths = [pattern] if is_uri(pattern) else sorted(glob.glob(pattern))
    if not paths:
        raise ValueError(f'`tiles` must hold at least one tile; no file matches {shown(pattern)}.')
    return paths


def _matching_bands(patterns, bands, remote):
    """Paths by band, by the part of the name that is the same in all bands."""
    if not bands:
        raise ValueError(f'`bands` must name what {_BAND} stands for in {patterns[0]}.')
    tiles = {}
    for pattern, band in product(map(_local, patterns), bands):
        # The name of a band stands where the rest of the path matches the pattern.
        parts = [
            fnmatch.translate(part).removesuffix(r'\Z').removesuffix(r'\z')
            for part in pattern.split(_BAND)
        ]
        like = re.compile(f'({f"){re.escape(band)}(".join(parts)})')
        escaped = band if is_uri(pattern) else glob.escape(band)
        for path in _found(pattern.replace(_BAND, escaped), remote):
            match = like.fullmatch(path)
            # The brackets of a URI without `*` stand for themselves.
            kept = ''.join(match.groups()) if match else pattern.replace(_BAND, '')
            name = name_of(kept).partition('.')[0].strip('_-')
            name = re.sub('[_-]{2,}', '_', name)
            if band in tiles.setdefault(name, {}):
                raise ValueError(
                    f'Two tiles have the name {name!r}: {shown(tiles[name][band])} and '
                    f'{shown(path)}. Give `tiles` as a dictionary, with a name for each.'
                )
            tiles[name][band] = path
    return tiles


def _named_by_files(paths):
    named = {}
    for path in paths:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(
                '`tiles` must be paths; those with an image for each band are given as a '
                f'dictionary, {{name: {{band: path}}}}. Got {type(path).__name__}.'
            )
        path = os.fspath(path)
        name = name_of(path).partition('.')[0]
        if name in named:
            raise ValueError(
                f'Two tiles have the name {name!r}: {shown(named[name])} and {shown(path)}. Give '
                '`tiles` as a dictionary, with a name for each.'
            )
        named[name] = path
    return named


def _check_name(name):
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(
            'Names of tiles must consist of letters, digits and _ . + -, since files are named '
            f'after them; got {name!r}.'
        )


def _images(name, images, bands):
    if isinstance(images, (str, os.PathLike)):
        if bands is not None and len(bands) > 1:
            raise ValueError(f'Tile {name} has one image, but there are the bands {bands}.')
        return (((bands or [None])[0], _absolute(images)),)
    if isinstance(images, Mapping):
        by_band = {str(band): path for band, path in images.items()}
    elif isinstance(images, (list, tuple)) and bands is not None and len(images) == len(bands):
        by_band = dict(zip(bands, images, strict=True))
    else:
        raise ValueError(
            f'Tile {name} must be a path, a dictionary of paths by band, or a list with a path for '
            f'each of `bands`, {bands}; got a '
            f'{type(images).__name__}.'
        )
    wanted = list(by_band) if bands is None else bands
    missing = [band for band in wanted if band not in by_band]
    if missing or not wanted:
        raise ValueError(
            f'Tile {name} has no image of band {", ".join(missing) or "any"}; it has '
            f'{", ".join(by_band) or "none"}.'
        )
    wrong = [band for band in wanted if not isinstance(by_band[band], (str, os.PathLike))]
    if wrong:
        raise TypeError(
            f'Tile {name}, band {wrong[0]}: the image must be a path; got '
            f'{type(by_band[wrong[0]]).__name__}.'
        )
    return tuple((band, _absolute(by_band[band])) for band in wanted)


def _absolute(path):
    """For other processes, which may work in another folder; URIs are as they are."""
    path = os.fspath(path)
    return path if is_uri(path) else os.path.abspath(path)


def _check_bands(tiles):
    first = tiles[0]
    for tile in tiles:
        if tile.bands != first.bands and sorted(tile.bands or []) != sorted(first.bands or []):
            raise ValueError(
                f'All tiles must have the same bands: {first.name} has {first.bands}, {tile.name} '
                f'has {tile.bands}.'
            )


def _check_files(tiles):
    known = {}
    for tile in tiles:
        for _, path in tile.images:
            real = path if is_uri(path) else os.path.realpath(path)
            if real in known:
                raise ValueError(
                    f'The file {shown(path)} is given twice: {known[real]} and {tile.name}.'
                )
            known[real] = tile.name
