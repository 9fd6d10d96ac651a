"""Warnings where stamps are not like those that a detector was calibrated on."""

import warnings
from dataclasses import dataclass

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.anomaly.scoring import plain_values

__all__ = ['DriftWarning', 'NormalConditions', 'check_pixel_scale']

#: Pixel scales differ where they do by more than this share.
_SCALE = 0.01
#: By so much the median noise may be more or less.
_NOISE = 1.25
#: Share of the stamps that may be brighter, or fainter, than all normals but a hundredth.
_BEYOND = 0.1
#: Fewer stamps say nothing of what the others are like.
_LEAST = 20
#: Of fewer normals the brightest is too often one that a tenth of all others exceed: of 50, once
#: in 200 times.
_LEAST_NORMALS = 50


class DriftWarning(AstropyUserWarning):
    """Stamps differ from those that the detector knows, and so may their scores."""


@dataclass(frozen=True)
class NormalConditions:
    """
    What normal stamps were like when a detector was calibrated.

    Parameters
    ----------
    noise : float
        Median of their noise.
    faintest, brightest : float
        The 1st and the 99th percentile of the fluxes of their closest images; NaN, and compared
        with nothing, where they are fewer than 50. All in the unit of the training.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astro_wgan.anomaly.drift import NormalConditions
    >>> table = QTable({'noise': [1.0, 2.0, 3.0], 'closest_flux': [10.0, 20.0, 30.0]})
    >>> NormalConditions.of(table).noise
    2.0
    """

    noise: float
    faintest: float
    brightest: float

    @classmethod
    def of(cls, misfit):
        """Those of a table from `~astro_wgan.anomaly.measure_misfit`."""
        fluxes = _finite(misfit['closest_flux'])
        if len(fluxes) < _LEAST_NORMALS:
            return cls(_median(misfit['noise']), np.nan, np.nan)
        faintest, brightest = np.percentile(fluxes, [1, 99])
        return cls(_median(misfit['noise']), float(faintest), float(brightest))

    def check(self, misfit):
        """
        Compare other stamps with them.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            From `~astro_wgan.anomaly.measure_misfit`.

        Warns
        -----
        DriftWarning
            If the noise of the median stamp differs by more than a quarter, or more than a tenth
            of the stamps are fainter, or brighter, than nearly all normals. Fewer than 20 stamps
            are not compared.
        """
        fluxes = _finite(misfit['closest_flux'])
        if len(fluxes) < _LEAST:
            return
        noise = _median(misfit['noise'])
        ratio = noise / self.noise if self.noise > 0 else np.nan
        if ratio > _NOISE or ratio < 1 / _NOISE:
            _warn(
                f'the noise of a pixel is {noise:.3g} in the median, that of the normal stamps '
                f'was {self.noise:.3g}'
            )
        for beyond, word, limit in (
            (fluxes < self.faintest, 'fainter', self.faintest),
            (fluxes > self.brightest, 'brighter', self.brightest),
        ):
            if beyond.mean() > _BEYOND:
                _warn(
                    f'{100 * beyond.mean():.0f} per cent are {word} than {limit:.3g}, as hardly '
                    'any of the normal stamps was'
                )


def check_pixel_scale(stamps, known):
    """
    Compare the pixel scale of stamps with the one that a model knows.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.stamps.StampStore`
        Stamps to score.
    known : `~astropy.units.Quantity` or None
        Angle per pixel of the training.

    Warns
    -----
    DriftWarning
        If both are known and differ by more than one per cent.
    """
    scale = stamps.pixel_scale
    if scale is None or known is None:
        return
    if not 1 - _SCALE <= (scale / known).to_value('') <= 1 + _SCALE:
        _warn(
            f'their pixel scale is {scale:.4g}, that of the training was {known:.4g} '
            '(`StampSet.reproject` changes it)'
        )


def _warn(difference):
    warnings.warn(
        f'The stamps are not like those that this detector knows: {difference}. '
        'Scores and p-values may not mean what they did.',
        DriftWarning,
        stacklevel=4,
    )


def _finite(column):
    values = plain_values(column)
    return values[np.isfinite(values)]


def _median(column):
    values = _finite(column)
    return float(np.median(values)) if len(values) else np.nan
