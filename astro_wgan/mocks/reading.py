"""`read_light_map`: light maps from FITS images of simulations, as SKIRT writes them."""

import os
import warnings

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.mocks.light import LightMap
from astro_wgan.stamps.image import read_image

__all__ = ['read_light_map']

#: What SKIRT and its users write in BUNIT for AB magnitudes.
_MAGNITUDES = ('ab mag/arcsec2', 'mag/arcsec2', 'abmag/arcsec2', 'mag/arcsec^2', 'mag arcsec-2')

_AB_BRIGHTNESS = u.mag(u.AB / u.arcsec**2)


def read_light_map(
    source, *, unit=None, pixel_scale=None, redshift=None, wavelength=None, hdu=None
):
    """
    Read the image of a simulated galaxy, or one for each band.

    Parameters
    ----------
    source : path-like or list of path-like
        FITS images of surface brightness; of several bands, in any order.
    unit : unit-like, optional
        Of the pixels: AB magnitudes, ``mag(AB / arcsec2)``, or flux density per solid angle. By
        default as the header says (``BUNIT``).
    pixel_scale : `~astropy.units.Quantity`, optional
        Length of a pixel's edge. By default as the header says (``CDELT1``, whose unit is in
        ``CUNIT1``, or in ``CTYPE1``, where SKIRT has it).
    redshift : float, optional
        At which the brightness would be measured; by default that of the header (``REDSHIFT``).
        0 is brightness as it is at the galaxy.
    wavelength : `~astropy.units.Quantity`, optional
        Observed wavelength, one for each image; by default that of the header (``WLEFF``, in
        Angstrom), or unknown.
    hdu : int or str, optional
        Which image of a file.

    Returns
    -------
    `LightMap`
        ``meta['files']`` has the names. Infinite magnitudes are pixels without light.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImageError
        If a file is truncated or has no image.
    ValueError
        If something is neither given nor in the header, images of bands do not fit, or pixels are
        NaN or negative.
    astropy.units.UnitsError
        If units do not convert.

    Examples
    --------
    >>> from astro_wgan.mocks import load_light_map
    >>> load_light_map('hydro_merger_186')
    <LightMap: 256 x 256 pixels of 0.1953 kpc at 450, 592, 718 nm, absolute magnitude ...>
    """
    paths = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    if not paths:
        raise ValueError('`source` names no file.')
    lengths = [None] * len(paths)
    if wavelength is not None:
        lengths = list(np.atleast_1d(u.Quantity(wavelength)))
        if len(lengths) != len(paths):
            raise ValueError(
                f'`wavelength` must be one for each of the {len(paths)} images; got {len(lengths)}.'
            )
    maps = [
        _read_one(path, unit, pixel_scale, redshift, length, hdu)
        for path, length in zip(paths, lengths, strict=True)
    ]
    return maps[0] if len(maps) == 1 else _joined(maps)


def _read_one(path, unit, pixel_scale, redshift, wavelength, hdu):
    with warnings.catch_warnings():
        # Units and coordinates of simulations are read here, from the header.
        warnings.simplefilter('ignore', AstropyUserWarning)
        image = read_image(path, hdu=hdu)
        header = _header(path, hdu)
    name = os.fspath(path)
    unit = _unit(header, name) if unit is None else unit
    if pixel_scale is None:
        pixel_scale = _pixel_scale(header, name)
    if redshift is None:
        if 'REDSHIFT' not in header:
            raise ValueError(f'The header of {name} has no REDSHIFT: give `redshift`.')
        redshift = float(header['REDSHIFT'])
    if wavelength is None and 'WLEFF' in header:
        wavelength = float(header['WLEFF']) * u.AA
    return LightMap.from_surface_brightness(
        image.data.astype(float) * u.Unit(unit),
        pixel_scale,
        redshift=redshift,
        wavelength=wavelength,
        meta={'files': [os.path.basename(name)]},
    )


def _header(path, hdu):
    """The header that goes with the image that `read_image` takes."""
    with fits.open(path) as hdulist:
        if hdu is not None:
            return hdulist[hdu].header
        return next(each.header for each in hdulist if each.is_image and each.header['NAXIS'] == 2)


def _unit(header, name):
    text = str(header.get('BUNIT', '')).strip()
    if not text:
        raise ValueError(f'The header of {name} has no BUNIT: give `unit`.')
    if text.lower() in _MAGNITUDES:
        return _AB_BRIGHTNESS
    try:
        return u.Unit(text)
    except ValueError as error:
        raise ValueError(
            f'BUNIT {text!r} of {name} is no unit that astropy knows: give `unit`.'
        ) from error


def _pixel_scale(header, name):
    edges = [abs(float(header.get(f'CDELT{axis}', 0))) for axis in (1, 2)]
    text = str(header.get('CUNIT1', header.get('CTYPE1', ''))).strip()
    try:
        length = u.Unit(text)
    except ValueError:
        length = u.dimensionless_unscaled
    if not length.is_equivalent(u.kpc) or 0 in edges:
        raise ValueError(f'The header of {name} has no length of a pixel: give `pixel_scale`.')
    if not np.isclose(*edges):
        raise ValueError(f'Pixels of {name} must be square; got {edges[0]} by {edges[1]} {length}.')
    return edges[0] * length


def _joined(maps):
    if any(each.wavelength is None for each in maps):
        raise ValueError('Images of several bands need a `wavelength` for each.')
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
        {'files': [each.meta['files'][0] for each in maps]},
    )
