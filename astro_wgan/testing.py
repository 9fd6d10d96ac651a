"""Stamps and WCS for tests of code that uses astro_wgan, and how to compare them."""

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import QTable
from astropy.wcs.utils import celestial_frame_to_wcs

from astro_wgan.stamps.comparison import differing_attributes
from astro_wgan.stamps.stampset import StampSet

__all__ = ['assert_stamps_equal', 'make_stamps', 'make_wcs']

#: Standard deviation of the noise of a pixel in `make_stamps`.
_NOISE_RMS = 1.0


def make_wcs(
    shape=(64, 64),
    *,
    center=None,
    reference_pixel=None,
    pixel_scale=0.06 * u.arcsec,
    position_angle=0 * u.deg,
    mirrored=False,
    projection='TAN',
):
    """
    A celestial WCS without distortion.

    Parameters
    ----------
    shape : tuple of int
        Shape of the image, ``(ny, nx)``.
    center : `~astropy.coordinates.SkyCoord`, optional
        Sky position of ``reference_pixel``, in the frame that the WCS has; by default 150 and 2
        degrees, ICRS.
    reference_pixel : tuple of float, optional
        Pixel ``(x, y)``, counted from 0; by default the center of the image.
    pixel_scale : `~astropy.units.Quantity`
        Edge of a pixel on the sky.
    position_angle : `~astropy.units.Quantity`
        Position angle of the y axis, from north through east.
    mirrored : bool
        Whether east is to the right of north instead of to its left.
    projection : str
        Code of the projection, such as ``'TAN'`` (gnomonic) or ``'CAR'`` (plate carree).

    Returns
    -------
    `~astropy.wcs.WCS`

    Examples
    --------
    >>> from astro_wgan.testing import make_wcs
    >>> make_wcs((11, 11)).pixel_to_world(5, 5).to_string()
    '150 2'
    """
    center = SkyCoord(150, 2, unit='deg') if center is None else center
    if reference_pixel is None:
        reference_pixel = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    sine, cosine = np.sin(position_angle.to_value('rad')), np.cos(position_angle.to_value('rad'))
    right = 1 if mirrored else -1
    wcs = celestial_frame_to_wcs(center.frame, projection=projection)
    wcs.wcs.crval = center.spherical.lon.deg, center.spherical.lat.deg
    wcs.wcs.crpix = reference_pixel[0] + 1, reference_pixel[1] + 1
    wcs.wcs.cd = pixel_scale.to_value('deg') * np.array(
        [[right * cosine, sine], [-right * sine, cosine]]
    )
    wcs.array_shape = tuple(shape)
    wcs.wcs.set()
    return wcs


def make_stamps(
    n=10,
    *,
    shape=(32, 32),
    bands=None,
    sigma=None,
    peak=20.0,
    seed=0,
    dtype=np.float32,
    **options,
):
    """
    Stamps of a round Gaussian source in the center, on noise with an rms of 1.

    Parameters
    ----------
    n : int
        Number of stamps.
    shape : tuple of int
        Shape of each stamp, ``(ny, nx)``.
    bands : int or sequence, optional
        Number of bands, or their names, or `~astro_wgan.stamps.Band`; by default there is no axis
        of bands. The sources are twice as bright in the last band as in the first.
    sigma : float or tuple of float, optional
        Width of the sources in pixels (standard deviation of the Gaussian): one for all, or the
        limits between which it is drawn for each; by default 1 and an eighth of the shorter edge,
        at least 1.5.
    peak : float or tuple of float
        Peak of the sources in the first band: one for all, or the limits between which it is
        drawn.
    seed : int
        The same seed makes the same stamps.
    dtype : data type
        Data type of the pixels.
    **options
        Further arguments of `~astro_wgan.StampSet`, instead of those made here: ``unit`` is nJy,
        and ``table`` has columns ``id``, from 0 on, and ``sigma``, the width of the sources in
        pixels.

    Returns
    -------
    `~astro_wgan.StampSet`

    Examples
    --------
    >>> from astro_wgan.testing import make_stamps
    >>> make_stamps(3, shape=(16, 16), bands=2)
    <StampSet: 3 stamps of 16 x 16 pixels, 2 bands, float32, unit nJy>
    """
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape) - (np.reshape(shape, (2, 1, 1)) - 1) / 2
    sigma = _draw(rng, n, (1.0, max(1.5, min(shape) / 8)) if sigma is None else sigma)
    peak = _draw(rng, n, peak)[:, None, None]
    pixels = peak * np.exp(-(x**2 + y**2) / 2 / sigma[:, None, None] ** 2)
    if bands is not None:
        count = bands if isinstance(bands, int) else len(bands)
        pixels = pixels[..., None] * np.linspace(1, 2, count)
        options = {'bands': None if isinstance(bands, int) else bands, **options}
    pixels = pixels + rng.normal(scale=_NOISE_RMS, size=pixels.shape)
    table = QTable({'id': np.arange(n), 'sigma': sigma})
    return StampSet(pixels.astype(dtype), **{'unit': u.nJy, 'table': table, **options})


def _draw(rng, n, limits):
    if np.ndim(limits) == 0:
        return np.full(n, float(limits))
    return rng.uniform(*limits, size=n)


def assert_stamps_equal(actual, desired, *, rtol=0.0, atol=0.0):
    """
    Fail unless two sets hold the same stamps.

    Pixels, uncertainty, mask, PSF, bands, unit, pixel scale, WCS and table are compared; NaN equals
    NaN.

    Parameters
    ----------
    actual, desired : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`
    rtol, atol : float
        Relative and absolute difference that pixels, uncertainty and PSF may have, as for
        `numpy.testing.assert_allclose`.

    Raises
    ------
    AssertionError
        If they differ, with the names of the attributes, and what differs in arrays.

    Examples
    --------
    >>> from astro_wgan.testing import assert_stamps_equal, make_stamps
    >>> assert_stamps_equal(make_stamps(3), make_stamps(3))
    >>> assert_stamps_equal(make_stamps(3), make_stamps(3).replace(unit='mJy'))
    Traceback (most recent call last):
        ...
    AssertionError: Stamps differ in unit: nJy and mJy
    """
    actual, desired = actual[:], desired[:]
    for name in differing_attributes(actual, desired):
        first, second = getattr(actual, name), getattr(desired, name)
        if name in ('pixels', 'uncertainty', 'psf') and None not in (first is None, second is None):
            _assert_close(name, first, second, rtol, atol)
        elif name == 'mask':
            _assert_close(name, ~actual.valid, ~desired.valid, 0, 0)
        else:
            raise AssertionError(f'Stamps differ in {name}: {first} and {second}')


def _assert_close(name, first, second, rtol, atol):
    if first is None or second is None:
        raise AssertionError(f'Stamps differ in {name}: only one of them has it')
    np.testing.assert_allclose(
        first, second, rtol=rtol, atol=atol, err_msg=f'Stamps differ in {name}'
    )
