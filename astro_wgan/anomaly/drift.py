"""Warnings where stamps are not like those that a detector was calibrated on."""

import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from astro_wgan.anomaly.scoring import plain_values
from astro_wgan.exceptions import DriftWarning

__all__ = ['NormalConditions', 'check_drift', 'check_pixel_scale']

#: Pixel scales differ where they do by more than this share.
_SCALE = 0.01
#: Share of the stamps that may be brighter, or fainter, than all normals but a hundredth; and the
#: share of their like that lies there at most, where a hundred normals tell where it begins.
_BEYOND, _BEYOND_EXPECTED = 0.1, 0.05
#: Fewer stamps say nothing of what the others are like.
_LEAST = 20
#: Of fewer normals the brightest is too often one that a tenth of all others exceed: of 50, once
#: in 200 times.
_LEAST_NORMALS = 50
#: Medians differ where they do by so many standard errors, and by more than matters to a score:
#: pixels, standard deviations of the noise, logarithms.
_ERRORS = 5.0
#: Factors of noise and flux may be the same where they differ by no more standard errors.
_ALIKE = 3.0
_TOLERANCES = {
    'offset': 0.3,
    'sky_level': 0.1,
    'sky_slope': 0.2,
    'noise': np.log(1.1),
}
#: Scatters differ where one is more than so many times the other: masks make it 1.6 times.
_SCATTERED = 2.0
#: Standard error of a median of normally distributed values, in those of the mean; and of the
#: logarithm of a scatter by the median absolute deviation, times the root of the number.
_MEDIAN_ERROR, _SCATTER_ERROR = 1.2533, 1.17
#: More than half of the p-values are no larger only where conditions are others: three strange
#: stamps in ten do not bring it about.
_SMALL_P = 0.25
#: How likely a warning of counts is where there is no reason for it.
_CHANCE = 1e-5


_MEASURED = ('offset_x', 'offset_y', 'sky_level', 'sky_slope_x', 'sky_slope_y')


class Spread(NamedTuple):
    """
    How values are spread.

    Attributes
    ----------
    median, scatter : float
        Scatter as the standard deviation of a normal distribution with the same median absolute
        deviation.
    number : int
        Of values.
    """

    median: float
    scatter: float
    number: int

    @classmethod
    def of(cls, values):
        """That of finite values."""
        if not len(values):
            return cls(np.nan, np.nan, 0)
        median = np.median(values)
        scatter = 1.4826 * np.median(np.abs(values - median))
        return cls(float(median), float(scatter), len(values))

    def error(self, other):
        """Standard error of the difference of two medians of like distributions."""
        # Of two scatters that a few values gave the larger one: the other may be small by chance.
        scatter = max(self.scatter, other.scatter)
        return _MEDIAN_ERROR * scatter * np.sqrt(1 / self.number + 1 / other.number)

    def differs(self, other, tolerance):
        """Whether the median of others differs by more than a tolerance and than chance."""
        if min(self.number, other.number) < _LEAST:
            return False
        return abs(other.median - self.median) > max(tolerance, _ERRORS * self.error(other))

    def is_exceeded(self, other):
        """Whether others scatter by more than a factor, and than chance, as well."""
        if min(self.number, other.number) < _LEAST or not self.scatter > 0:
            return False
        error = _SCATTER_ERROR * np.sqrt(1 / self.number + 1 / other.number)
        return other.scatter > self.scatter * max(_SCATTERED, np.exp(_ERRORS * error))


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
    spreads : dict of `Spread`, optional
        Of the logarithms of ``noise`` and ``flux``, of the ``offset`` of a source from the center
        of its stamp, of ``offset_x`` and ``offset_y``, and of ``sky_level``, ``sky_slope_x`` and
        ``sky_slope_y``: see `~astro_wgan.anomaly.stamp_conditions.measure_conditions`. What is
        missing is not compared.

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
    spreads: dict[str, Spread] = field(default_factory=dict)

    @classmethod
    def of(cls, misfit):
        """Those of a table from `~astro_wgan.anomaly.measure_misfit`."""
        fluxes = _finite(plain_values(misfit['closest_flux']))
        noise = _finite(plain_values(misfit['noise']))
        limits = (np.nan, np.nan)
        if len(fluxes) >= _LEAST_NORMALS:
            limits = (float(limit) for limit in np.percentile(fluxes, [1, 99]))
        median = float(np.median(noise)) if len(noise) else np.nan
        return cls(median, *limits, _spreads(misfit))

    def differences(self, misfit):
        """
        In what other stamps differ from them.

        Parameters
        ----------
        misfit : `~astropy.table.QTable`
            From `~astro_wgan.anomaly.measure_misfit`.

        Returns
        -------
        list of str
            A part of a sentence for each of these: if the noise of the median stamp differs by more
            than a tenth, and whether their brightness does by as much, as by another zero point; if
            the centers of sources lie elsewhere by more than 0.3 pixels in the median; if the level
            of the sky differs by more than a tenth of a pixel's noise, or its rise across a stamp
            by a fifth, or if one of these scatters twice as much from stamp to stamp; if more than
            a tenth of the stamps are fainter, or brighter, than nearly all normals. Each must be
            more than chance: medians and scatters differ by five of their standard errors, and so
            many faint or bright stamps come about once in 100,000 times. Fewer than 20 stamps are
            not compared, nor are such with fewer than 20 normals; and stamps of which masks leave
            too little are not among those that are too faint or too bright.
        """
        found = _spreads(misfit)
        fluxes = plain_values(misfit['closest_flux'])
        if 'incomplete' in misfit.colnames:
            fluxes = fluxes[~np.asarray(misfit['incomplete'])]
        centers = self._centers(found)
        sentences = (
            self._noise(found),
            centers,
            self._sky_level(found),
            # A source beside the center has more light on its side.
            None if centers else self._sky_slope(found),
            *self._extremes(_finite(fluxes)),
        )
        return [sentence for sentence in sentences if sentence]

    def _differs(self, name, found, tolerance):
        known = self.spreads.get(name)
        return known is not None and name in found and known.differs(found[name], tolerance)

    def _noise(self, found):
        if not self._differs('noise', found, _TOLERANCES['noise']):
            return None
        ratio = found['noise'].median - self.spreads['noise'].median
        sentence = (
            f'the noise of a pixel is {np.exp(found["noise"].median):.3g} in the median, that of '
            f'the normal stamps was {self.noise:.3g}'
        )
        known, fluxes = (spreads.get('flux', Spread.of([])) for spreads in (self.spreads, found))
        if not (known.number and fluxes.number):
            return sentence
        brighter, error = fluxes.median - known.median, known.error(fluxes)
        alike, unchanged = (abs(brighter - x) < _ALIKE * error for x in (ratio, 0))
        # Where the fluxes speak for both, or for neither, both are named.
        looks = {(True, False): 'zero point, gain or unit', (False, True): 'depth'}.get(
            (alike, unchanged), 'depth, zero point, gain or unit'
        )
        return (
            f'{sentence}; noise and flux are {np.exp(ratio):.2f} and {np.exp(brighter):.2f} times '
            f'those of the normals: it looks like another {looks}'
        )

    def _centers(self, found):
        tolerance = _TOLERANCES['offset']
        names = ('offset_x', 'offset_y')
        if any(self._differs(name, found, tolerance) for name in names):
            x, y = (found[name].median - self.spreads[name].median for name in names)
            return (
                f'their sources lie {x:+.1f} pixels along x and {y:+.1f} along y from where those '
                'of the normal stamps lie: it looks like other positions, or another origin of '
                'pixel coordinates'
            )
        if self._differs('offset', found, tolerance):
            return (
                f'their sources lie {found["offset"].median:.1f} pixels from the center in the '
                f'median, those of the normal stamps {self.spreads["offset"].median:.1f}: it looks '
                'like less precise positions'
            )
        return None

    def _scatters(self, names, found):
        """The first of these that scatters too much, or None."""
        common = [name for name in names if name in self.spreads and name in found]
        return next((k for k in common if self.spreads[k].is_exceeded(found[k])), None)

    def _sky_level(self, found):
        if not self._differs('sky_level', found, _TOLERANCES['sky_level']):
            if self._scatters(['sky_level'], found) is None:
                return None
            return (
                f'the borders of stamps scatter by {found["sky_level"].scatter:.2f} standard '
                "deviations of a pixel's noise, those of the normal stamps did by "
                f'{self.spreads["sky_level"].scatter:.2f}: it looks like a sky that has not been '
                'subtracted alike'
            )
        return (
            f'the border of a stamp is at {found["sky_level"].median:+.2f} standard deviations of '
            f"a pixel's noise, that of the normal stamps was at "
            f'{self.spreads["sky_level"].median:+.2f}: it looks like a sky that has not been '
            'subtracted alike'
        )

    def _sky_slope(self, found):
        tolerance = _TOLERANCES['sky_slope']
        names = ('sky_slope_x', 'sky_slope_y')
        if not any(self._differs(name, found, tolerance) for name in names):
            name = self._scatters(names, found)
            if name is None:
                return None
            return (
                f'the rise of the sky across a stamp scatters by {found[name].scatter:.2f} '
                f'standard deviations of the noise of a pixel along {name[-1]}, that of the normal '
                f'stamps did by {self.spreads[name].scatter:.2f}: it looks like gradients of the '
                'sky'
            )
        x, y = (found[name].median - self.spreads[name].median for name in names)
        return (
            f'the sky rises across a stamp by {x:+.2f} standard deviations of the noise of a pixel '
            f'along x and {y:+.2f} along y more than that of the normal stamps did: it looks like '
            'a gradient of the sky'
        )

    def _extremes(self, fluxes):
        if len(fluxes) < _LEAST:
            return
        for beyond, word, limit in (
            (fluxes < self.faintest, 'fainter', self.faintest),
            (fluxes > self.brightest, 'brighter', self.brightest),
        ):
            count = np.count_nonzero(beyond)
            by_chance = binom.sf(count - 1, len(beyond), _BEYOND_EXPECTED)
            if beyond.mean() > _BEYOND and by_chance < _CHANCE:
                yield (
                    f'{100 * beyond.mean():.0f} per cent are {word} than {limit:.3g}, as hardly '
                    'any of the normal stamps was'
                )


def check_drift(conditions, misfit, p_values):
    """
    Compare stamps with the normals of a calibration.

    Parameters
    ----------
    conditions : NormalConditions or None
        Of the normals; None where they are not known.
    misfit : `~astropy.table.QTable`
        Of the stamps.
    p_values : array_like, shape (n,)
        Theirs; NaN are left out.

    Warns
    -----
    DriftWarning
        If there are `NormalConditions.differences`, all of which it names; or if, for a reason that
        these do not show, more than half of the p-values are at most 0.25, by more than a chance of
        one in 100,000. Of normals a quarter are, and three anomalies among ten do not make it half.
    """
    differences = [] if conditions is None else conditions.differences(misfit)
    p_values = _finite(p_values)
    n, small = len(p_values), np.count_nonzero(p_values <= _SMALL_P)
    if not differences and n >= _LEAST and binom.sf(small - 1, n, 0.5) < _CHANCE:
        differences.append(
            f'{100 * small / n:.0f} per cent of them are stranger than three quarters of the '
            'normal stamps, for no reason that noise, brightness, centers or sky show: it looks '
            'like other conditions rather than anomalies'
        )
    if differences:
        _warn('. Also, '.join(differences))


def check_pixel_scale(stamps, known):
    """
    Compare the pixel scale of stamps with the one that a model knows.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
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


def _spreads(misfit):
    """Of each quantity whose columns are there."""
    columns = {
        name: plain_values(misfit[name])
        for name in ('noise', 'closest_flux', *_MEASURED)
        if name in misfit.colnames
    }
    with np.errstate(divide='ignore', invalid='ignore'):
        for name, column in (('noise', 'noise'), ('flux', 'closest_flux')):
            columns[name] = np.log(columns[column])
    del columns['closest_flux']
    if 'offset_x' in columns:
        columns['offset'] = np.hypot(columns['offset_x'], columns['offset_y'])
    return {name: Spread.of(_finite(values)) for name, values in columns.items()}


def _warn(difference):
    warnings.warn(
        f'The stamps are not like those that this detector knows: {difference}. '
        'Scores and p-values may not mean what they did.',
        DriftWarning,
        stacklevel=4,
    )


def _finite(values):
    values = np.asarray(values, dtype=float)
    return values[np.isfinite(values)]
