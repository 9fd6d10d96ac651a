"""Instruments: camera, filter, PSF and exposure of the images of a survey."""

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

__all__ = ['Instrument', 'pixel_psf', 'samples_per_pixel']

#: Minimum number of samples of a PSF along a pixel.
_MIN_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Instrument:
    """
    Camera and filter, and properties of the images of a survey.

    Attributes
    ----------
    name : str
        Short name.
    wavelength : `~astropy.units.Quantity`
        Pivot wavelength of the filter.
    pixel_scale : `~astropy.units.Quantity`
        Angle per pixel of the image.
    zero_point : float
        AB magnitude of one electron per second.
    exposure_time : `~astropy.units.Quantity`
        Total exposure time.
    n_exposures : int
        Number of exposures, each of which is read out once.
    sky_brightness : float
        AB magnitude of the sky per square arcsecond.
    dark_current : float
        Electrons per second per detector pixel.
    read_noise : float
        Electrons per detector pixel and exposure.
    psf : `GaussianPSF`, `MoffatPSF`, `AiryPSF` or `ImagePSF`
        Point spread function, without the convolution with the pixels.
    detector_scale : `~astropy.units.Quantity`, optional
        Angle per detector pixel; by default that of the image.
    pixfrac : float, optional
        Edge of the drops in units of detector pixels, if the exposures were drizzled.
    references : dict
        Source of each value.

    Raises
    ------
    ValueError
        If a value is out of range.
    astropy.units.UnitsError
        If a unit cannot be converted.

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
                raise u.UnitConversionError(f'`{name}` must be convertible to {unit}; got {value}.')
            if not 0 < value.value < np.inf:
                raise ValueError(f'`{name}` must be positive; got {value}.')
            put(self, name, value.to(unit))
        for name, least in (('n_exposures', 1), ('dark_current', 0), ('read_noise', 0)):
            if not least <= getattr(self, name) < np.inf:
                raise ValueError(f'`{name}` must be {least} or more; got {getattr(self, name)}.')
        if self.pixfrac is None and not u.isclose(self.detector_scale, self.pixel_scale):
            raise ValueError(
                '`pixfrac` must be given, because the pixels of image and detector differ: '
                f'{self.pixel_scale} and {self.detector_scale}.'
            )

    @property
    def correlation_ratio(self):
        """R of `~astro_wgan.noise.noise_correlation_ratio`; 1 if not drizzled."""
        if self.pixfrac is None:
            return 1.0
        return noise_correlation_ratio(pixfrac=self.pixfrac, scale=self._scale)

    @property
    def sky_noise(self):
        """
        Autocorrelation of the noise of sky, dark current and readout, in (electron / s)^2.

        It can be used as ``sky_noise`` of `~astro_wgan.noise.add_noise`.
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
        Limiting magnitude for point sources.

        Parameters
        ----------
        sigma : float, optional
            Signal-to-noise ratio of the detection.
        aperture : `~astropy.units.Quantity`, optional
            Diameter of a circular aperture. By default optimal PSF photometry is assumed.

        Returns
        -------
        float
            Total AB magnitude of a point source whose noise is dominated by the sky.
        """
        star = pixel_psf(self.psf, self.pixel_scale)
        if aperture is None:
            enclosed, pixels = 1.0, 1 / np.sum(star**2)
        else:
            radius = as_arcsec(aperture, 'aperture') / 2 / self.pixel_scale.value
            middle = len(star) // 2
            enclosed = sep.sum_circle(star, [middle], [middle], [radius], subpix=0)[0][0]
            pixels = np.pi * radius**2
        electrons = sigma * np.sqrt(pixels * self._electrons) / enclosed
        return float(self.zero_point - 2.5 * np.log10(electrons / self.exposure_time.value))

    @property
    def _scale(self):
        """Edge of an image pixel in units of detector pixels."""
        return float(self.pixel_scale / self.detector_scale)

    @property
    def _electrons(self):
        """Variance of the number of electrons in the area of an image pixel."""
        sky = 10 ** (0.4 * (self.zero_point - self.sky_brightness)) * self.pixel_scale.value**2
        detector = (
            self.dark_current * self.exposure_time.value + self.n_exposures * self.read_noise**2
        )
        return sky * self.exposure_time.value + detector * self._scale**2


def pixel_psf(psf, pixel_scale):
    """
    PSF convolved with the pixel, for a star at the center of a pixel.

    Parameters
    ----------
    psf : `GaussianPSF`, `MoffatPSF`, `AiryPSF` or `ImagePSF`
    pixel_scale : `~astropy.units.Quantity`
        Angle per pixel.

    Returns
    -------
    `~numpy.ndarray`, shape (2 m + 1, 2 m + 1)
        Its sum is 1.
    """
    samples = samples_per_pixel(psf, pixel_scale)
    samples += 1 - samples % 2  # odd, so that a sample is at the center of a pixel
    drawn = psf.draw(pixel_scale / samples)
    # A sample represents the mean over its subpixel.
    drawn = fft.irfft2(fourier_uniform(fft.rfft2(drawn), 1, n=drawn.shape[1]), s=drawn.shape)
    pixels = -(-len(drawn) // samples)
    pixels += 1 - pixels % 2
    border = (pixels * samples - len(drawn)) // 2
    return np.pad(drawn, border).reshape(pixels, samples, pixels, samples).sum(axis=(1, 3))


def samples_per_pixel(psf, pixel_scale):
    """Number of samples along a pixel that a PSF must be drawn with."""
    return max(_MIN_SAMPLES, int(np.ceil(pixel_scale.value / psf.max_step - 1e-9)))
