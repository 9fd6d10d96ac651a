"""What light is observed with: optics, and noise of sky and source."""

from dataclasses import dataclass

__all__ = ['MoffatOptics', 'Noise', 'TelescopeOptics']


@dataclass(frozen=True)
class TelescopeOptics:
    """
    A telescope in space, with central obscuration and struts.

    Attributes
    ----------
    wavelength : float
        In nm.
    diameter : float
        In m.
    obscuration, strut : float
        Diameter of the secondary and thickness of its struts, in units of the diameter.
    blur : float
        Full width at half maximum, in arcsec, of all that widens the PSF further: detector pixels,
        drizzling, jitter.
    """

    wavelength: float = 1537.0
    diameter: float = 2.4
    obscuration: float = 0.36
    strut: float = 0.02
    blur: float = 0.115


@dataclass(frozen=True)
class MoffatOptics:
    """
    A Moffat profile.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum in arcsec, before it is sampled by pixels.
    beta : float
        Steepness of the wings.
    """

    fwhm: float = 0.2
    beta: float = 3.0


@dataclass(frozen=True)
class Noise:
    """
    Noise of sky and source, correlated as drizzling leaves it.

    Attributes
    ----------
    rms : float
        Standard deviation of a pixel of empty sky, in nJy.
    gain : float
        Electrons per nJy.
    taps : tuple of float
        White noise is convolved with these along both axes.
    """

    rms: float = 0.8
    gain: float = 33.0
    taps: tuple = (0.35, 1.0, 0.35)
