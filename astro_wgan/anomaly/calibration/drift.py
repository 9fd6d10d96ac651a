"""Comparison of stamps with those of the calibration, with a warning where they differ."""

import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from astro_wgan.anomaly.calibration.conformal import float_values
from astro_wgan.bands.trained_bands import trained_bands
from astro_wgan.exceptions import DriftWarning

__all__ = [
    'NormalConditions',
    'Spread',
    'check_drift',
    'check_pixel_scale',
    'check_single_band',
]

#: Relative difference of pixel scales that is tolerated.
_SCALE = 0.01
#: Fraction of the stamps that may be fainter than the 1st, or brighter than the 99th, percentile of
#: the normals; and the highest fraction expected if both have the same distribution, given the
#: error of a percentile of 100 normals.
_BEYOND, _BEYOND_EXPECTED = 0.1, 0.05
#: Minimum number of stamps, and of normals, to compare.
_MIN_STAMPS = 20
#: Minimum number of normals for percentiles of their fluxes: of 50 normals, more than a tenth of
#: all others exceed the brightest in 0.5 percent of the cases.
_MIN_NORMALS = 50
#: Medians differ if they do by this many standard errors and by more than these tolerances:
#: offset in pixels, sky in units of the noise, noise as a natural logarithm.
_ERRORS = 5.0
_TOLERANCES = {
    'offset': 0.3,
    'sky_level': 0.1,
    'sky_slope': 0.2,
    'noise_rms': np.log(1.1),
}
#: Factors of noise and flux are consistent within this many standard errors.
_CONSISTENT = 3.0
#: Ratio of two scatters that is tolerated: masks alone cause 1.6.
_SCATTER_RATIO = 2.0
#: Standard error of the median in units of that of the mean, for a normal distribution; and that of
#: the logarithm of a scatter from the median absolute deviation, times the root of the number.
_MEDIAN_ERROR, _SCATTER_ERROR = 1.2533, 1.17
#: p-values of which more than half are smaller only if the conditions differ: three anomalies in
#: ten stamps do not cause that.
_SMALL_P = 0.25
#: Probability of a false warning from counts.
_CHANCE = 1e-5

_CONDITIONS = ('offset_x', 'offset_y', 'sky_level', 'sky_slope_x', 'sky_slope_y')


class Spread(NamedTuple):
    """
    Median and scatter of a sample.

    Attributes
    ----------
    median, scatter : float
        The scatter is 1.4826 times the median absolute deviation, the standard deviation of a
        normal distribution.
    number : int
        Size of the sample.
    """

    median: float
    scatter: float
    number: int

    @classmethod
    def from_values(cls, values):
        """Spread of finite values."""
        if not len(values):
            return cls(np.nan, np.nan, 0)
        median = np.median(values)
        scatter = 1.4826 * np.median(np.abs(values - median))
        return cls(float(median), float(scatter), len(values))

    def error(self, other):
        """Standard error of the difference of two medians, for equal distributions."""
        # The larger scatter: that of a small sample may be small by chance.
        scatter = max(self.scatter, other.scatter)
        return _MEDIAN_ERROR * scatter * np.sqrt(1 / self.number + 1 / other.number)

    def differs(self, other, tolerance):
        """Whether two medians differ significantly and by more than a tolerance."""
        if min(self.number, other.number) < _MIN_STAMPS:
            return False
        return abs(other.median - self.median) > max(tolerance, _ERRORS * self.error(other))

    def is_exceeded(self, other):
        """Whether another scatter is significantly, and by more than a factor, larger."""
        if min(self.number, other.number) < _MIN_STAMPS or not self.scatter > 0:
            return False
        error = _SCATTER_ERROR * np.sqrt(1 / self.number + 1 / other.number)
        return other.scatter > self.scatter * max(_SCATTER_RATIO, np.exp(_ERRORS * error))


@dataclass(frozen=True)
class NormalConditions:
    """
    Noise, brightness, positions and sky of the normal stamps of a calibration.

    Parameters
    ----------
    noise_rms : float
        Median of their noise, in the unit of the training set.
    faintest, brightest : float
        1st and 99th percentile of the fluxes of their closest images, in the same unit; NaN, and
        not compared, if there are fewer than 50.
    spreads : dict of `Spread`, optional
        Distributions of the logarithms of ``noise_rms`` and ``flux``, of the ``offset`` of a source
        from the center of its stamp, of ``offset_x`` and ``offset_y``, and of ``sky_level``,
        ``sky_slope_x`` and ``sky_slope_y``: see
        `~astro_wgan.anomaly.stamp_conditions.measure_conditions`. Missing ones are not compared.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astro_wgan.anomaly.calibration.drift import NormalConditions
    >>> table = QTable({'noise_rms': [1.0, 2.0, 3.0], 'closest_flux': [10.0, 20.0, 30.0]})
    >>> NormalConditions.from_measurements(table).noise_rms
    2.0
    """

    noise_rms: float
    faintest: float
    brightest: float
    spreads: dict[str, Spread] = field(default_factory=dict)

    @classmethod
    def from_measurements(cls, measurements):
        """Conditions of a table from `~astro_wgan.anomaly.measure_residual_statistics`."""
        fluxes = _finite(float_values(measurements['closest_flux']))
        noise = _finite(float_values(measurements['noise_rms']))
        limits = (np.nan, np.nan)
        if len(fluxes) >= _MIN_NORMALS:
            limits = (float(limit) for limit in np.percentile(fluxes, [1, 99]))
        median = float(np.median(noise)) if len(noise) else np.nan
        return cls(median, *limits, _spreads(measurements))

    def differences(self, measurements):
        """
        Significant differences of other stamps from the normal ones.

        Parameters
        ----------
        measurements : `~astropy.table.QTable`
            From `~astro_wgan.anomaly.measure_residual_statistics`.

        Returns
        -------
        list of str
            A clause for each of these that applies:

            * the median noise differs by more than a tenth (with a comparison of the fluxes, which
              distinguishes another zero point from another depth);
            * the centers of sources are shifted by more than 0.3 pixels in the median;
            * the level of the sky differs by more than 0.1 of the noise, its slope across a stamp
              by more than 0.2, or the scatter of either from stamp to stamp by a factor of 2;
            * more than a tenth of the stamps are fainter than the 1st, or brighter than the 99th,
              percentile of the normals.

            Medians and scatters must differ by five standard errors, and counts have a probability
            of 1e-5 by chance. Samples of fewer than 20 stamps are not compared, and incomplete
            stamps are not counted as faint or bright.
        """
        found = _spreads(measurements)
        fluxes = float_values(measurements['closest_flux'])
        if 'incomplete' in measurements.colnames:
            fluxes = fluxes[~np.asarray(measurements['incomplete'])]
        centers = self._centers(found)
        clauses = (
            self._noise(found),
            centers,
            self._sky_level(found),
            # A source off the center adds light to the borders on its side.
            None if centers else self._sky_slope(found),
            *self._extremes(_finite(fluxes)),
        )
        return [clause for clause in clauses if clause]

    def _differs(self, name, found, tolerance):
        known = self.spreads.get(name)
        return known is not None and name in found and known.differs(found[name], tolerance)

    def _noise(self, found):
        if not self._differs('noise_rms', found, _TOLERANCES['noise_rms']):
            return None
        ratio = found['noise_rms'].median - self.spreads['noise_rms'].median
        clause = (
            f'the median noise of a pixel is {np.exp(found["noise_rms"].median):.3g}, that of the '
            f'normal stamps {self.noise_rms:.3g}'
        )
        known, fluxes = (
            spreads.get('flux', Spread.from_values([])) for spreads in (self.spreads, found)
        )
        if not (known.number and fluxes.number):
            return clause
        brighter, error = fluxes.median - known.median, known.error(fluxes)
        scaled, unchanged = (abs(brighter - x) < _CONSISTENT * error for x in (ratio, 0))
        # If the fluxes are consistent with both causes, or with neither, both are named.
        causes = {(True, False): 'zero point, gain or unit', (False, True): 'depth'}
        cause = causes.get((scaled, unchanged), 'depth, zero point, gain or unit')
        return (
            f'{clause}; noise and flux are {np.exp(ratio):.2f} and {np.exp(brighter):.2f} times '
            f'those of the normals, which suggests another {cause}'
        )

    def _centers(self, found):
        tolerance = _TOLERANCES['offset']
        names = ('offset_x', 'offset_y')
        if any(self._differs(name, found, tolerance) for name in names):
            x, y = (found[name].median - self.spreads[name].median for name in names)
            return (
                f'their sources are shifted by {x:+.1f} pixels along x and {y:+.1f} along y with '
                'respect to those of the normal stamps, which suggests other positions, or another '
                'origin of pixel coordinates'
            )
        if self._differs('offset', found, tolerance):
            return (
                f'the median distance of their sources from the center is '
                f'{found["offset"].median:.1f} pixels, that of the normal stamps '
                f'{self.spreads["offset"].median:.1f}, which suggests less precise positions'
            )
        return None

    def _larger_scatter(self, names, found):
        """The first of these whose scatter is larger, or None."""
        common = [name for name in names if name in self.spreads and name in found]
        return next((k for k in common if self.spreads[k].is_exceeded(found[k])), None)

    def _sky_level(self, found):
        suggests = 'which suggests another background subtraction'
        if self._differs('sky_level', found, _TOLERANCES['sky_level']):
            return (
                f'the median sky level at the border of a stamp is '
                f'{found["sky_level"].median:+.2f} times the noise of a pixel, that of the normal '
                f'stamps {self.spreads["sky_level"].median:+.2f}, {suggests}'
            )
        if self._larger_scatter(['sky_level'], found):
            return (
                f'the scatter of the sky level from stamp to stamp is '
                f'{found["sky_level"].scatter:.2f} times the noise of a pixel, that of the normal '
                f'stamps {self.spreads["sky_level"].scatter:.2f}, {suggests}'
            )
        return None

    def _sky_slope(self, found):
        names = ('sky_slope_x', 'sky_slope_y')
        if any(self._differs(name, found, _TOLERANCES['sky_slope']) for name in names):
            x, y = (found[name].median - self.spreads[name].median for name in names)
            return (
                f'the median slope of the sky across a stamp differs from that of the normal '
                f'stamps by {x:+.2f} times the noise of a pixel along x and {y:+.2f} along y, '
                'which suggests a gradient of the sky'
            )
        name = self._larger_scatter(names, found)
        if name is None:
            return None
        return (
            f'the scatter of the slope of the sky along {name[-1]} is {found[name].scatter:.2f} '
            'times the noise of a pixel, that of the normal stamps '
            f'{self.spreads[name].scatter:.2f}, which suggests gradients of the sky'
        )

    def _extremes(self, fluxes):
        if len(fluxes) < _MIN_STAMPS:
            return
        for beyond, comparison in (
            (fluxes < self.faintest, f'fainter than {self.faintest:.3g}, the 1st percentile'),
            (fluxes > self.brightest, f'brighter than {self.brightest:.3g}, the 99th percentile'),
        ):
            count = np.count_nonzero(beyond)
            by_chance = binom.sf(count - 1, len(beyond), _BEYOND_EXPECTED)
            if beyond.mean() > _BEYOND and by_chance < _CHANCE:
                yield f'{100 * beyond.mean():.0f} percent are {comparison} of the normal stamps'


def check_drift(conditions, measurements, p_values):
    """
    Compare stamps with the normal stamps of a calibration.

    Parameters
    ----------
    conditions : NormalConditions or None
        Conditions of the normal stamps; None if unknown.
    measurements : `~astropy.table.QTable`
        Measurements of the stamps.
    p_values : array_like, shape (n,)
        p-values of the stamps; NaN are ignored.

    Warns
    -----
    `~astro_wgan.exceptions.DriftWarning`
        If there are `NormalConditions.differences`, which the warning lists; or if, without these,
        significantly more than half of the p-values are at most 0.25.
    """
    differences = [] if conditions is None else conditions.differences(measurements)
    p_values = _finite(p_values)
    n, small = len(p_values), np.count_nonzero(p_values <= _SMALL_P)
    if not differences and n >= _MIN_STAMPS and binom.sf(small - 1, n, 0.5) < _CHANCE:
        differences.append(
            f'{100 * small / n:.0f} percent of them have a score above the 75th percentile of the '
            'normal stamps, although noise, brightness, centers and sky are the same, which '
            'suggests other conditions rather than anomalies'
        )
    if differences:
        _warn('. Also, '.join(differences))


def check_pixel_scale(stamps, known):
    """
    Compare the pixel scale of stamps with that of the training set.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Stamps to score.
    known : `~astropy.units.Quantity` or None
        Angle per pixel of the training set.

    Warns
    -----
    `~astro_wgan.exceptions.DriftWarning`
        If both are known and differ by more than one percent.
    """
    scale = stamps.pixel_scale
    if scale is None or known is None:
        return
    if not 1 - _SCALE <= (scale / known).to_value('') <= 1 + _SCALE:
        _warn(
            f'their pixel scale is {scale:.4g}, that of the training set {known:.4g} '
            '(`StampSet.reproject` changes it)'
        )


def check_single_band(stamps, known):
    """
    Compare the band of stamps with that of the training set; several bands have to be the same.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        Stamps to score.
    known : tuple of `~astro_wgan.stamps.Band`
        Bands of the training set; empty if they have no names.

    Warns
    -----
    `~astro_wgan.exceptions.DriftWarning`
        If both have one band, of different names.
    """
    own = trained_bands(stamps)
    if len(own) == len(known) == 1 and own[0].name != known[0].name:
        _warn(f'their band is {own[0].name}, that of the training set {known[0].name}')


def _spreads(measurements):
    """Spread of each quantity whose columns are there."""
    columns = {
        name: float_values(measurements[name])
        for name in ('noise_rms', 'closest_flux', *_CONDITIONS)
        if name in measurements.colnames
    }
    with np.errstate(divide='ignore', invalid='ignore'):
        columns['noise_rms'] = np.log(columns['noise_rms'])
        columns['flux'] = np.log(columns.pop('closest_flux'))
    if 'offset_x' in columns:
        columns['offset'] = np.hypot(columns['offset_x'], columns['offset_y'])
    return {name: Spread.from_values(_finite(values)) for name, values in columns.items()}


def _warn(difference):
    warnings.warn(
        f'The stamps differ from those of the calibration: {difference}. Scores and p-values may '
        'be biased.',
        DriftWarning,
        stacklevel=4,
    )


def _finite(values):
    values = np.asarray(values, dtype=float)
    return values[np.isfinite(values)]
