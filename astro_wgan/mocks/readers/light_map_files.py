"""`read_light_map`: light maps from FITS images of simulations, such as those of SKIRT."""

import os
import warnings

import numpy as np
from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.files.limits import check_unit_text
from astro_wgan.fits.fits_files import checked_hdulist
from astro_wgan.fits.headers import inherited_header
from astro_wgan.images.extensions import choose_hdu
from astro_wgan.images.reading import read_image
from astro_wgan.mocks.light_map import LightMap
from astro_wgan.units.bunit import parse_unit

__all__ = ['read_light_map']

#: Unit of magnitudes per square arcsec, which are AB magnitudes in the files of SKIRT.
_AB_BRIGHTNESS = u.mag(u.AB / u.arcsec**2)


def read_light_map(
    source,
    *,
    unit=None,
    pixel_scale=None,
    redshift=None,
    wavelength=None,
    hdu=None,
    plane=None,
    max_size=None,
):
    """
    Read the image of a simulated galaxy, or images in several bands.

    Parameters
    ----------
    source : path-like or list of path-like
        FITS images of surface brightness, of several bands in any order. The planes of a cube are
        bands, unless ``plane`` selects one.
    unit : unit-like, optional
        Unit of the pixels: AB magnitudes, ``mag(AB / arcsec2)``, or flux density per solid angle.
        By default that of the header (``BUNIT``).
    pixel_scale : `~astropy.units.Quantity`, optional
        Length per pixel. By default that of the header (``CDELT1``, with the unit in ``CUNIT1``, or
        in ``CTYPE1``, as in the files of SKIRT).
    redshift : float, optional
        Redshift at which the brightness is observed. By default that of the header (``REDSHIFT``);
        0 for rest-frame surface brightness.
    wavelength : `~astropy.units.Quantity`, optional
        Observed wavelength, one for each image, or each plane of a cube. By default that of the
        header (``WLEFF``, in Angstrom), or of SKIRT's table of the wavelengths of a cube; otherwise
        it is unknown.
    hdu : int or str, optional
        HDU of the image.
    plane : int, optional
        Plane of a cube, along its first array axis.
    max_size : number, optional
        Largest memory allowed for each image, in bytes, as in `~astro_wgan.images.read_image`.

    Returns
    -------
    `LightMap`
        ``meta['files']`` has the names of the files. Pixels with infinite magnitude have no light.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If a file is truncated, has no image, or is larger than allowed.
    ValueError
        If a value is neither given nor in the header, such as the wavelengths of a cube; if images
        of several bands disagree; or if pixels are NaN or negative.
    astropy.units.UnitsError
        If a unit cannot be converted.

    Examples
    --------
    >>> from astro_wgan.datasets import load_light_map
    >>> load_light_map('encounter_passage')
    <LightMap: 320 x 320 pixels of 0.2 kpc at 450, 590, 716 nm, absolute magnitude ...>
    """
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not paths:
        raise ValueError('`source` must contain at least one file; got an empty list.')
    lengths = [None] * len(paths)
    if wavelength is not None:
        wavelength = np.atleast_1d(u.Quantity(wavelength))
        lengths = [wavelength] if len(paths) == 1 else list(wavelength[:, np.newaxis])
        if len(lengths) != len(paths):
            raise ValueError(
                f'`wavelength` must have one value for each of the {len(paths)} images; got '
                f'{len(lengths)}.'
            )
    maps, reading = [], {'hdu': hdu, 'plane': plane, 'max_size': max_size}
    for path, length in zip(paths, lengths, strict=True):
        try:
            maps += _read_planes(path, unit, pixel_scale, redshift, length, reading)
        except (OSError, TypeError, ValueError, u.UnitsError, Warning):
            raise
        except Exception as error:  # astropy has no common class of errors
            raise ImageError(f'{os.fspath(path)} is not a light map: {error}') from error
    return maps[0] if len(maps) == 1 else _stack_bands(maps)


def _read_planes(path, unit, pixel_scale, redshift, wavelength, reading):
    """Maps of the planes of a cube, or of the selected one; or the map of an image."""
    name, plane = os.fspath(path), reading['plane']
    with warnings.catch_warnings():
        # The units and coordinates of simulations are not those of images of the sky.
        warnings.simplefilter('ignore', AstropyUserWarning)
        planes, header, own = _read_header(path, **reading)
        wanted = [plane] if plane is not None or planes < 2 else list(range(planes))
        images = [read_image(path, **{**reading, 'plane': each}, zeros='keep') for each in wanted]
    if own is not None and planes > 1:
        own = own[wanted]
    if wavelength is None:
        wavelength = own
    elif len(wavelength) != len(wanted):
        raise ValueError(
            f'`wavelength` must have one value for each of the {len(wanted)} planes of {name}; '
            f'got {len(wavelength)}.'
        )
    if wavelength is None and len(wanted) > 1:
        raise ValueError(
            f'{name} is a cube of {planes} planes: select one with `plane`, from 0 to '
            f'{planes - 1}, or give `wavelength`, one for each plane.'
        )
    unit = _unit(header, name) if unit is None else _known_unit(unit, '`unit`')
    if pixel_scale is None:
        pixel_scale = _pixel_scale(header, name)
    if redshift is None:
        if 'REDSHIFT' not in header:
            raise ValueError(
                f'The header of {name} has no REDSHIFT: give `redshift` (on the command line '
                '`--image-redshift`).'
            )
        redshift = float(header['REDSHIFT'])
    try:
        return [
            LightMap.from_surface_brightness(
                image.data.astype(float) * unit,
                pixel_scale,
                redshift=redshift,
                wavelength=None if wavelength is None else wavelength[k],
                meta={'files': [os.path.basename(name)]},
            )
            for k, image in enumerate(images)
        ]
    except u.UnitsError as error:
        raise u.UnitConversionError(f'{name} is not a light map: {error}') from error


def _read_header(path, hdu, plane, max_size):
    """Number of planes of an image, its header, and its wavelengths if known."""
    with checked_hdulist(path, max_size=max_size) as hdulist:
        chosen = choose_hdu(hdulist, hdu, plane, os.fspath(path))
        primary = hdulist[0].header if hdulist[0] is not chosen else None
        header = inherited_header(chosen.header, primary)
        planes = _planes(header)
        if planes > 1:
            return planes, header, _wavelengths(hdulist, planes)
    own = None if 'WLEFF' not in header else [float(header['WLEFF'])] * u.AA
    return planes, header, own


def _planes(header):
    return int(np.prod([header[f'NAXIS{k}'] for k in range(3, header.get('NAXIS', 0) + 1)]))


def _wavelengths(hdulist, planes):
    """Wavelengths of the planes of a cube, from the table written by SKIRT; None without it."""
    for each in hdulist:
        if 'GRID_POINTS' in getattr(getattr(each, 'columns', None), 'names', []):
            column = each.columns['GRID_POINTS']
            try:
                check_unit_text(str(column.unit))
                found = np.ravel(each.data['GRID_POINTS']) * u.Unit(column.unit)
                found = found.to(u.micron, equivalencies=u.spectral())
            except (TypeError, ValueError):
                continue
            if len(found) == planes:
                return found
    return None


def _unit(header, name):
    text = str(header.get('BUNIT', '')).strip()
    if not text:
        raise ValueError(f'The header of {name} has no BUNIT: give `unit`.')
    return _known_unit(text, f'BUNIT of {name}')


def _known_unit(unit, what):
    try:
        known = parse_unit(unit) if isinstance(unit, str) else u.Unit(unit)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{what} is {str(unit)!r}, which is not a unit known to astropy: give `unit`.'
        ) from error
    return _AB_BRIGHTNESS if known == u.mag / u.arcsec**2 else known


def _pixel_scale(header, name):
    edges = [abs(float(header.get(f'CDELT{axis}', 0))) for axis in (1, 2)]
    text = str(header.get('CUNIT1', header.get('CTYPE1', ''))).strip()
    try:
        check_unit_text(text)
        length = u.Unit(text)
    except ValueError:
        length = u.dimensionless_unscaled
    if not length.is_equivalent(u.kpc) or 0 in edges:
        raise ValueError(f'The header of {name} has no length per pixel: give `pixel_scale`.')
    if not np.isclose(*edges):
        raise ValueError(f'Pixels of {name} must be square; got {edges[0]} by {edges[1]} {length}.')
    return edges[0] * length


def _stack_bands(maps):
    if any(each.wavelength is None for each in maps):
        raise ValueError('`wavelength` must be given for images of several bands.')
    first = maps[0]
    for each in maps[1:]:
        if each.shape != first.shape or not u.isclose(each.pixel_scale, first.pixel_scale):
            raise ValueError(
                'Images of several bands must have the same pixels; got '
                f'{first.shape} of {first.pixel_scale} and {each.shape} of {each.pixel_scale}.'
            )
    maps = sorted(maps, key=lambda each: each.wavelength)
    return LightMap(
        np.stack([each.luminosity for each in maps], axis=-1),
        first.pixel_scale,
        u.Quantity([each.wavelength for each in maps]),
        {'files': list(dict.fromkeys(each.meta['files'][0] for each in maps))},
    )
