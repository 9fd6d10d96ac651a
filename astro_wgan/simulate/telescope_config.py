"""Parameters of the simulated telescope: its optics and its noise."""

from dataclasses import dataclass

__all__ = ['MoffatOptics', 'Noise', 'TelescopeOptics']


@dataclass(frozen=True)
class TelescopeOptics:
    """
    PSF of a space telescope with central obscuration and struts.

    Attributes
    ----------
    wavelength : float
        In nm.
    diameter : float
        In m.
    obscuration, strut_thickness : float
        Diameter of the secondary mirror and thickness of its struts, in units of ``diameter``.
    blur_fwhm : float
        Full width at half maximum, in arcsec, of a Gaussian for all other contributions to the PSF:
        detector pixels, drizzling, jitter.
    """

    wavelength: float = 1537.0
    diameter: float = 2.4
    obscuration: float = 0.36
    strut_thickness: float = 0.02
    blur_fwhm: float = 0.115


@dataclass(frozen=True)
class MoffatOptics:
    """
    Moffat PSF.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum in arcsec, without the pixel response.
    beta : float
        Exponent of the wings.
    """

    fwhm: float = 0.2
    beta: float = 3.0


@dataclass(frozen=True)
class Noise:
    """
    Sky and photon noise, correlated as in drizzled images.

    Attributes
    ----------
    rms : float
        Standard deviation of a sky pixel, in nJy.
    gain : float
        Electrons per nJy.
    kernel : tuple of float
        White noise is convolved with this kernel along both axes.
    """

    rms: float = 0.8
    gain: float = 33.0
    kernel: tuple = (0.35, 1.0, 0.35)
