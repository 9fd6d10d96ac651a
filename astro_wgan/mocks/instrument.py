"""`Instrument`: all of a camera and its survey that a mock image needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import sep
from astropy import units as u
from scipy import fft
from scipy.ndimage import fourier_uniform

from astro_wgan.mocks.psf import AiryPSF, GaussianPSF, ImagePSF, MoffatPSF, as_arcsec
from astro_wgan.noise import Autocorrelation, drizzle_autocorrelation, noise_correlation_ratio
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['Instrument', 'pixel_psf']

#: Points along a pixel that a PSF is drawn at, at least.
_LEAST_FINE = 2


@dataclass(frozen=True, eq=False)
class Instrument:
    """
    A camera with a filter, and the images that a survey made with it.

    Attributes
    ----------
    name : str
        Short name.
    wavelength : `~astropy.units.Quantity`
        Pivot wavelength of the filter.
    pixel_scale : `~astropy.units.Quantity`
        Angle of an image's pixel.
    zero_point : float
        AB magnitude of one electron per second.
    exposure_time : `~astropy.units.Quantity`
        Of all exposures together.
    n_exposures : int
        How many there are, each of which is read out once.
    sky_brightness : float
        AB magnitude of the sky in one square arcsecond.
    dark_current : float
        Electrons per second in a pixel of the detector.
    read_noise : float
        Electrons in a pixel of the detector, for one exposure.
    psf : `GaussianPSF`, `MoffatPSF`, `AiryPSF` or `ImagePSF`
        Before the pixels of the image sum the light.
    detector_scale : `~astropy.units.Quantity`, optional
        Angle of the detector's own pixel; that of the image by default.
    pixfrac : float, optional
        Size of the drops in the detector's pixels, where exposures were drizzled.
    references : dict
        Where each number comes from.

    Raises
    ------
    ValueError
        If a number is out of range.
    astropy.units.UnitsError
        If a unit does not convert.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import get_instrument
    >>> cosmos = get_instrument('hst_acs_f814w')
    >>> deeper = replace(cosmos, exposure_time=4 * cosmos.exposure_time, n_exposures=16)
    >>> round(deeper.depth() - cosmos.depth(), 2)
    0.75
    """

    name: str
    wavelength: u.Quantity
    pixel_scale: u.Quantity
    zero_point: float
    exposure_time: u.Quantity
    n_exposures: int
    sky_brightness: float
    dark_current: float
    read_noise: float
    psf: GaussianPSF | MoffatPSF | AiryPSF | ImagePSF
    detector_scale: u.Quantity | None = None
    pixfrac: float | None = None
    references: Mapping = field(default_factory=dict, repr=False)

    def __post_init__(self):
        put = object.__setattr__
        put(self, 'pixel_scale', as_pixel_scale(self.pixel_scale))
        own = self.pixel_scale if self.detector_scale is None else self.detector_scale
        put(self, 'detector_scale', as_pixel_scale(own))
        for name, unit in (('wavelength', u.nm), ('exposure_time', u.s)):
            value = u.Quantity(getattr(self, name))
            if not value.unit.is_equivalent(unit):
                raise u.UnitConversionError(f'`{name}` must convert to {unit}; got {value}.')
            if not 0 < value.value < np.inf:
                raise ValueError(f'`{name}` must be above 0; got {value}.')
            put(self, name, value.to(unit))
        for name, least in (('n_exposures', 1), ('dark_current', 0), ('read_noise', 0)):
            if not least <= getattr(self, name) < np.inf:
                raise ValueError(f'`{name}` must be {least} or more; got {getattr(self, name)}.')
        if self.pixfrac is None and not u.isclose(self.detector_scale, self.pixel_scale):
            raise ValueError(
                '`pixfrac` must be given, since the pixels of image and detector differ.'
            )

    @property
    def correlation_ratio(self):
        """R of `~astro_wgan.noise.noise_correlation_ratio`; 1 where nothing was drizzled."""
        if self.pixfrac is None:
            return 1.0
        return noise_correlation_ratio(pixfrac=self.pixfrac, scale=self._scale)

    @property
    def sky_noise(self):
        """
        Correlated noise of sky, dark current and reading, in (electron / s)^2.

        As `~astro_wgan.noise.add_noise` takes it.
        """
        variance = self._electrons / self.correlation_ratio**2 / self.exposure_time.value**2
        variance = variance * (u.electron / u.s) ** 2
        if self.pixfrac is None:
            return Autocorrelation.from_array([[1]] * variance, pixel_scale=self.pixel_scale)
        return drizzle_autocorrelation(
            pixfrac=self.pixfrac,
            scale=self._scale,
            variance=variance,
            pixel_scale=self.pixel_scale,
        )

    def depth(self, sigma=5, *, aperture=None):
        """
        AB magnitude of a star that is seen at so many sigma.

        Parameters
        ----------
        sigma : float, optional
        aperture : `~astropy.units.Quantity`, optional
            Diameter of the circle in which its light is summed; by default its profile is fitted,
            which is the best that can be done.

        Returns
        -------
        float
            Of the star's whole light, where the noise is that of the sky alone, as it nearly is.
        """
        star = pixel_psf(self.psf, self.pixel_scale)
        if aperture is None:
            share, pixels = 1.0, 1 / np.sum(star**2)
        else:
            radius = as_arcsec(aperture, 'aperture') / 2 / self.pixel_scale.value
            middle = len(star) // 2
            share = sep.sum_circle(star, [middle], [middle], [radius], subpix=0)[0][0]
            pixels = np.pi * radius**2
        electrons = sigma * np.sqrt(pixels * self._electrons) / share
        return float(self.zero_point - 2.5 * np.log10(electrons / self.exposure_time.value))

    @property
    def _scale(self):
        """Edge of an image's pixel in those of the detector."""
        return float(self.pixel_scale / self.detector_scale)

    @property
    def _electrons(self):
        """Variance of the electrons that an image's pixel stands for."""
        sky = 10 ** (0.4 * (self.zero_point - self.sky_brightness)) * self.pixel_scale.value**2
        detector = (
            self.dark_current * self.exposure_time.value + self.n_exposures * self.read_noise**2
        )
        return sky * self.exposure_time.value + detector * self._scale**2


def pixel_psf(psf, pixel_scale):
    """
    A PSF as pixels see it, the star in the middle of one.

    Parameters
    ----------
    psf : `GaussianPSF`, `MoffatPSF`, `AiryPSF` or `ImagePSF`
    pixel_scale : `~astropy.units.Quantity`

    Returns
    -------
    `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
        With a sum of 1.
    """
    fine = points_along_pixel(psf, pixel_scale)
    fine += 1 - fine % 2  # odd, so that a point lies in the middle of a pixel
    drawn = psf.draw(pixel_scale / fine)
    # A point stands for the mean of the small square around it.
    drawn = fft.irfft2(fourier_uniform(fft.rfft2(drawn), 1, n=drawn.shape[1]), s=drawn.shape)
    pixels = -(-len(drawn) // fine)
    pixels += 1 - pixels % 2
    border = (pixels * fine - len(drawn)) // 2
    return np.pad(drawn, border).reshape(pixels, fine, pixels, fine).sum(axis=(1, 3))


def points_along_pixel(psf, pixel_scale):
    """How many points along a pixel a PSF must be drawn at."""
    return max(_LEAST_FINE, int(np.ceil(pixel_scale.value / psf.max_step - 1e-9)))
