"""Dust attenuation by a foreground screen."""

from dataclasses import dataclass

import numpy as np
from astropy import units as u

__all__ = ['CalzettiDust']

#: Wavelength, in micron, between the two polynomials of the law, and the Lyman limit, below which
#: the law is constant.
_BREAK, _LYMAN_LIMIT = 0.63, 0.0912


@dataclass(frozen=True)
class CalzettiDust:
    """
    Attenuation law of starburst galaxies (Calzetti et al. 2000).

    Parameters
    ----------
    a_v : float
        Attenuation A_V, in magnitudes, 0 or more.
    r_v : float, optional
        Ratio of A_V to the color excess E(B - V), above 0.
    younger_than : `~astropy.units.Quantity`, optional
        Age up to which stars are attenuated. By default all are.

    Raises
    ------
    ValueError
        If a value is out of range.
    astropy.units.UnitsError
        If ``younger_than`` is not a time.

    Notes
    -----
    Equation 4 of Calzetti et al. 2000 (ApJ 533, 682), valid from 120 nm to 2.2 micron. It is
    extrapolated down to 91.2 nm and constant below, and extrapolated at longer wavelengths until it
    reaches 0.

    Examples
    --------
    >>> from astropy import units as u
    >>> from astro_wgan.mocks import CalzettiDust
    >>> dust = CalzettiDust(a_v=1)
    >>> dust.attenuation([150, 550, 1600] * u.nm).round(2)
    <Quantity [2.55, 1.  , 0.21] mag>
    """

    a_v: float
    r_v: float = 4.05
    younger_than: u.Quantity | None = None

    def __post_init__(self):
        if not 0 <= self.a_v < np.inf:
            raise ValueError(f'`a_v` must be 0 or more; got {self.a_v}.')
        if not 0 < self.r_v < np.inf:
            raise ValueError(f'`r_v` must be positive; got {self.r_v}.')
        if self.younger_than is None:
            return
        age = u.Quantity(self.younger_than)
        if not age.unit.is_equivalent(u.Gyr):
            raise u.UnitConversionError(f'`younger_than` must be a time; got {age}.')
        if not age > 0:
            raise ValueError(f'`younger_than` must be positive; got {age}.')

    def attenuation(self, wavelength):
        """
        Attenuation at each wavelength.

        Parameters
        ----------
        wavelength : `~astropy.units.Quantity`
            Rest-frame wavelength.

        Returns
        -------
        `~astropy.units.Quantity`
            In magnitudes, with the shape of ``wavelength``.
        """
        x = np.maximum(u.Quantity(wavelength).to_value(u.micron), _LYMAN_LIMIT)
        short = -2.156 + 1.509 / x - 0.198 / x**2 + 0.011 / x**3
        long = -1.857 + 1.040 / x
        law = 2.659 * np.where(x < _BREAK, short, long) + self.r_v
        return self.a_v / self.r_v * law.clip(0) * u.mag

    def transmission(self, wavelength):
        """
        Transmitted fraction of the light, 0 to 1.

        Parameters
        ----------
        wavelength : `~astropy.units.Quantity`
            Rest-frame wavelength.

        Returns
        -------
        `~numpy.ndarray`
        """
        return 10 ** (-0.4 * self.attenuation(wavelength).value)

    def covers(self, ages):
        """
        Which stars are attenuated.

        Parameters
        ----------
        ages : `~astropy.units.Quantity`

        Returns
        -------
        `~numpy.ndarray` of bool
        """
        limit = np.inf * u.Gyr if self.younger_than is None else self.younger_than
        return np.asarray(u.Quantity(ages) < limit)
