"""Point spread functions: Gaussian, Moffat and Airy profiles, and images of stars."""

import os
from dataclasses import dataclass, field

import numpy as np
from astropy import units as u
from scipy.ndimage import map_coordinates
from scipy.signal import fftconvolve
from scipy.special import j1

from astro_wgan.images.reading import read_image
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['AiryPSF', 'GaussianPSF', 'ImagePSF', 'MoffatPSF', 'as_arcsec']

#: Fraction of the flux allowed outside of a drawn profile, unless its wings are too extended.
_OUTSIDE = 1e-3

#: Largest radius of a drawn profile, in units of its FWHM.
_MAX_RADIUS = 25


@dataclass(frozen=True)
class GaussianPSF:
    """
    Gaussian PSF.

    Parameters
    ----------
    fwhm : `~astropy.units.Quantity`
        Full width at half maximum, an angle.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import GaussianPSF
    >>> GaussianPSF(0.7 * u.arcsec).draw(0.1 * u.arcsec).shape
    (25, 25)
    """

    fwhm: u.Quantity

    def __post_init__(self):
        _check_angle(self, 'fwhm')

    @property
    def max_step(self):
        """Largest step at which the profile is well sampled, in arcsec."""
        return self.fwhm.value / 3

    def draw(self, step):
        """
        Sample the profile, without convolution with a pixel.

        Parameters
        ----------
        step : `~astropy.units.Quantity`
            Angle between samples.

        Returns
        -------
        `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
            Its sum is 1.

        Raises
        ------
        astropy.units.UnitsError
            If ``step`` is not an angle.
        """
        sigma = self.fwhm.value / np.sqrt(8 * np.log(2))
        reach = sigma * np.sqrt(-2 * np.log(_OUTSIDE))
        return _drawn(lambda r: np.exp(-0.5 * (r / sigma) ** 2), reach, as_arcsec(step, 'step'))


@dataclass(frozen=True)
class MoffatPSF:
    """
    Moffat PSF, typical of atmospheric seeing.

    Parameters
    ----------
    fwhm : `~astropy.units.Quantity`
        Full width at half maximum, an angle.
    beta : float, optional
        Slope of the wings, above 1; the wings are more extended for smaller values.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import MoffatPSF
    >>> image = MoffatPSF(0.8 * u.arcsec, beta=3).draw(0.2 * u.arcsec)
    >>> float(image.sum())
    1.0
    """

    fwhm: u.Quantity
    beta: float = 3.5

    def __post_init__(self):
        _check_angle(self, 'fwhm')
        if not 1 < self.beta < np.inf:
            raise ValueError(f'`beta` must be above 1; got {self.beta}.')

    @property
    def max_step(self):
        """Largest step at which the profile is well sampled, in arcsec."""
        return self.fwhm.value / 5

    def draw(self, step):
        """Sample the profile, as `GaussianPSF.draw`."""
        alpha = self.fwhm.value / (2 * np.sqrt(2 ** (1 / self.beta) - 1))
        reach = alpha * np.sqrt(_OUTSIDE ** (1 / (1 - self.beta)) - 1)
        reach = min(reach, _MAX_RADIUS * self.fwhm.value)
        return _drawn(
            lambda r: (1 + (r / alpha) ** 2) ** -self.beta, reach, as_arcsec(step, 'step')
        )


@dataclass(frozen=True)
class AiryPSF:
    """
    Diffraction PSF of a circular aperture with a central obscuration, blurred by a Gaussian.

    Parameters
    ----------
    wavelength : `~astropy.units.Quantity`
        Wavelength of the light.
    diameter : `~astropy.units.Quantity`
        Diameter of the primary mirror.
    obscuration : float, optional
        Diameter of the central obscuration in units of that of the mirror, in [0, 1).
    blur_fwhm : `~astropy.units.Quantity`, optional
        FWHM of a Gaussian for charge diffusion and jitter, an angle.

    Notes
    -----
    Diffraction spikes of spiders and mirror segments are not included; use the image of a star
    (`ImagePSF`) for these. The profile extends to 25 wavelength / diameter and is normalized there;
    about one percent of the flux is farther out.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import AiryPSF
    >>> hubble = AiryPSF(814 * u.nm, 2.4 * u.m, obscuration=0.33)
    >>> float(hubble.draw(0.02 * u.arcsec).sum())
    1.0
    """

    wavelength: u.Quantity
    diameter: u.Quantity
    obscuration: float = 0.0
    blur_fwhm: u.Quantity = 0 * u.arcsec

    def __post_init__(self):
        for name in ('wavelength', 'diameter'):
            value = u.Quantity(getattr(self, name))
            if not value.unit.is_equivalent(u.m):
                raise u.UnitConversionError(f'`{name}` must be a length; got {value}.')
            if not 0 < value.value < np.inf:
                raise ValueError(f'`{name}` must be positive; got {value}.')
        if not 0 <= self.obscuration < 1:
            raise ValueError(
                f'`obscuration` must be at least 0 and below 1; got {self.obscuration}.'
            )
        _check_angle(self, 'blur_fwhm', zero=True)

    @property
    def _resolution(self):
        """Wavelength over diameter, in arcsec."""
        ratio = (self.wavelength / self.diameter).to_value(u.dimensionless_unscaled)
        return ratio * u.rad.to(u.arcsec)

    @property
    def max_step(self):
        """Largest step at which the profile is well sampled, in arcsec."""
        return self._resolution / 3

    def draw(self, step):
        """Sample the profile, as `GaussianPSF.draw`."""
        step = as_arcsec(step, 'step')
        obscuration = self.obscuration

        def intensity(r):
            v = np.pi * r / self._resolution
            return (_jinc(v) - obscuration**2 * _jinc(obscuration * v)) ** 2

        image = _drawn(intensity, _MAX_RADIUS * self._resolution, step)
        if self.blur_fwhm > 0:
            # A Gaussian much narrower than a step is a single sample.
            sigma = self.blur_fwhm.value / np.sqrt(8 * np.log(2))
            blur = _drawn(lambda r: np.exp(-0.5 * (r / sigma) ** 2), 4 * sigma, step)
            image = fftconvolve(image, blur, mode='same').clip(0)
        return image / image.sum()


@dataclass(frozen=True, eq=False)
class ImagePSF:
    """
    PSF given by the image of a star.

    Parameters
    ----------
    image : array_like, shape (ny, nx), or path-like
        Sky-subtracted image, centered on the star, as `~astro_wgan.images.read_image` takes it.
    pixel_scale : `~astropy.units.Quantity`
        Angle per pixel.

    Raises
    ------
    ValueError
        If a pixel is not finite, or the sum is not positive.
    ImageError
        If it cannot be read.

    Notes
    -----
    The image is normalized to a sum of 1, and interpolated with cubic splines for other steps.
    Since it already includes the convolution with its pixels, mock images are convolved with the
    pixel twice, which broadens their PSF. Use an oversampled PSF where this matters.

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import ImagePSF
    >>> star = np.outer([1, 2, 1], [1, 2, 1])
    >>> ImagePSF(star, 0.1 * u.arcsec).draw(0.1 * u.arcsec)[1].tolist()
    [0.125, 0.25, 0.125]
    """

    image: np.ndarray | os.PathLike = field(repr=False)
    pixel_scale: u.Quantity

    def __post_init__(self):
        read = read_image(self.image, zeros='keep')
        image = read.data.astype(float)
        if read.mask is not None or not image.sum() > 0:
            raise ValueError(
                '`image` of a PSF must be finite in each pixel, with a positive sum; got '
                f'{0 if read.mask is None else np.count_nonzero(read.mask)} pixels that are not '
                f'finite, and a sum of {np.nansum(image):g}.'
            )
        object.__setattr__(self, 'image', image / image.sum())
        object.__setattr__(self, 'pixel_scale', as_pixel_scale(self.pixel_scale))

    @property
    def max_step(self):
        """Largest step at which the profile is well sampled, in arcsec."""
        return self.pixel_scale.value

    def draw(self, step):
        """Sample the profile, as `GaussianPSF.draw`."""
        ratio = as_arcsec(step, 'step') / self.pixel_scale.value
        center = (np.array(self.image.shape) - 1) / 2
        reach = int(np.floor(center.max() / ratio + 1e-6))
        offset = np.arange(-reach, reach + 1) * ratio
        positions = np.meshgrid(center[0] + offset, center[1] + offset, indexing='ij')
        drawn = map_coordinates(self.image, positions, order=3, mode='constant')
        return drawn / drawn.sum()


def as_arcsec(angle, name):
    """
    Convert an angle, or angle per pixel, to arcsec.

    Parameters
    ----------
    angle : `~astropy.units.Quantity`
    name : str
        Name of the argument, for the error.

    Returns
    -------
    float

    Raises
    ------
    astropy.units.UnitsError
        If it is not a single angle.
    """
    angle = u.Quantity(angle)
    if angle.unit.is_equivalent(u.arcsec / u.pix):
        angle = angle * u.pix
    if not angle.unit.is_equivalent(u.arcsec) or not angle.isscalar:
        raise u.UnitConversionError(f'`{name}` must be a single angle; got {angle}.')
    return angle.to_value(u.arcsec)


def _check_angle(psf, name, *, zero=False):
    value = as_arcsec(getattr(psf, name), name)
    if not 0 <= value < np.inf or (value == 0 and not zero):
        raise ValueError(f'`{name}` must be {"0 or more" if zero else "positive"}; got {value}.')
    object.__setattr__(psf, name, value * u.arcsec)


def _drawn(profile, reach, step):
    """A circular profile, sampled around its center, with a sum of 1."""
    points = max(1, int(np.ceil(reach / step)))
    axis = np.arange(-points, points + 1) * step
    image = profile(np.hypot(axis, axis[:, np.newaxis]))
    return image / image.sum()


def _jinc(v):
    """2 J1(v) / v, which is 1 at 0."""
    v = np.maximum(v, 1e-9)
    return 2 * j1(v) / v
