"""`measure_shape`: morphology of one galaxy with statmorph."""

import copy
import warnings
from typing import NamedTuple

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.optional import import_optional

__all__ = ['MEASUREMENTS', 'Measurement', 'Shape', 'import_statmorph', 'measure_shape']

# The examples need an optional package.
__doctest_requires__ = {'*': ['statmorph']}

#: Value of statmorph for a failed measurement.
_INVALID = -99.0

#: Minimum edge in pixels of the smoothing box, a quarter of the Petrosian radius.
_SMALLEST_BOX = 2

#: statmorph's flag for galaxies that it could not measure at all.
CATASTROPHIC = 4


class Measurement(NamedTuple):
    """
    A measurement of a galaxy.

    Attributes
    ----------
    name : str
        Name of the column.
    source : str
        Name of the attribute of statmorph.
    kind : {'', 'length', 'angle', 'flux', 'sum'}
        Kind of unit: none, pixels, radians, unit of the image, unit of a sum of pixels.
    axis_ratio : bool
        Whether to convert statmorph's ellipticity 1 - q to the axis ratio q.
    """

    name: str
    source: str
    kind: str = ''
    axis_ratio: bool = False


#: All measurements, in the order of the columns.
MEASUREMENTS = (
    Measurement('concentration', 'concentration'),
    Measurement('asymmetry', 'asymmetry'),
    Measurement('smoothness', 'smoothness'),
    Measurement('gini', 'gini'),
    Measurement('m20', 'm20'),
    Measurement('gini_m20_bulge', 'gini_m20_bulge'),
    Measurement('gini_m20_merger', 'gini_m20_merger'),
    Measurement('multimode', 'multimode'),
    Measurement('intensity', 'intensity'),
    Measurement('deviation', 'deviation'),
    Measurement('outer_asymmetry', 'outer_asymmetry'),
    Measurement('shape_asymmetry', 'shape_asymmetry'),
    Measurement('half_light_radius', 'rhalf_ellip', 'length'),
    Measurement('petrosian_radius', 'rpetro_ellip', 'length'),
    Measurement('axis_ratio', 'ellipticity_asymmetry', axis_ratio=True),
    Measurement('orientation', 'orientation_asymmetry', 'angle'),
    Measurement('xc_asymmetry', 'xc_asymmetry', 'length'),
    Measurement('yc_asymmetry', 'yc_asymmetry', 'length'),
    Measurement('petrosian_flux', 'flux_ellip', 'sum'),
    Measurement('signal_to_noise', 'sn_per_pixel'),
    Measurement('sky_mean', 'sky_mean', 'flux'),
    Measurement('sky_rms', 'sky_sigma', 'flux'),
    Measurement('sersic_index', 'sersic_n'),
    Measurement('sersic_radius', 'sersic_rhalf', 'length'),
    Measurement('sersic_axis_ratio', 'sersic_ellip', axis_ratio=True),
    Measurement('sersic_orientation', 'sersic_theta', 'angle'),
    Measurement('sersic_amplitude', 'sersic_amplitude', 'flux'),
    Measurement('sersic_chi2_dof', 'sersic_chi2_dof'),
)

_IS_SMOOTHNESS = np.array([measurement.name == 'smoothness' for measurement in MEASUREMENTS])
_IS_SERSIC = np.array([measurement.name.startswith('sersic') for measurement in MEASUREMENTS])

# statmorph has no option to skip the fit, but it can be reduced to one iteration; then it warns.
_NO_FIT = {'maxiter': 1}
_FIT_WARNINGS = ('[sersic]', 'The fit may be unsuccessful')


class Shape(NamedTuple):
    """
    Measurements of one galaxy, or the reason why there are none.

    Attributes
    ----------
    values : `~numpy.ndarray`, shape (len(MEASUREMENTS),)
        In the order of `MEASUREMENTS`; NaN for failed ones.
    flag, flag_sersic : int
        Flags of statmorph: 0 good, 1 suspect, 2 bad, 4 nothing measured.
    status : str
        ``'measured'``, or the reason for the failure; ``'measured without smoothness: ...'`` if a
        quarter of the Petrosian radius is less than 2 pixels.
    warnings : str
        Warnings of statmorph, joined by ``'; '``.
    """

    values: np.ndarray
    flag: int
    flag_sersic: int
    status: str
    warnings: str

    @classmethod
    def failed(cls, status, warnings=''):
        """The `Shape` of a galaxy that could not be measured."""
        values = np.full(len(MEASUREMENTS), np.nan)
        return cls(values, CATASTROPHIC, CATASTROPHIC, status, warnings)


def import_statmorph():
    """The package statmorph, or the error that says how to install it."""
    return import_optional('statmorph', purpose='Morphology needs')


def measure_shape(
    image, labels, label, *, mask, noise=None, gain=None, psf=None, sersic=True, options=None
):
    """
    Measure one galaxy. Failures are reported in the result, not raised.

    Parameters
    ----------
    image : array_like, shape (ny, nx)
        Background-subtracted image. Masked pixels may have any value.
    labels : array_like of int, shape (ny, nx)
        Segmentation image, 0 for the background.
    label : int
        Label of the source to measure. Others are masked.
    mask : array_like of bool, shape (ny, nx)
        True for pixels to exclude.
    noise : array_like, shape (ny, nx), optional
        Standard deviation of each pixel. Either this or ``gain`` is required.
    gain : float, optional
        Electrons per unit of the image.
    psf : array_like, optional
        PSF with which the Sersic model is convolved.
    sersic : bool, optional
        Fit a Sersic model; otherwise its values are NaN.
    options : dict, optional
        Further arguments of ``statmorph.SourceMorphology``.

    Returns
    -------
    `Shape`

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan.morphology.shape import MEASUREMENTS, measure_shape
    >>> y, x = np.indices((64, 64)) - 31.5
    >>> image = 100 * np.exp(-(x**2 + y**2) / 50)
    >>> image += np.random.default_rng(1).normal(size=image.shape)
    >>> shape = measure_shape(image, image > 3, 1, mask=np.zeros((64, 64), bool),
    ...                       noise=np.ones((64, 64)))
    >>> names = [measurement.name for measurement in MEASUREMENTS]
    >>> shape.status, round(float(shape.values[names.index('axis_ratio')]), 1)
    ('measured', 1.0)
    """
    statmorph = import_statmorph()
    # A copy, since statmorph modifies the dictionaries that it is given.
    options = copy.deepcopy(options or {})
    if not sersic:
        psf, options['sersic_fitting_args'] = None, dict(_NO_FIT)
    image = np.asarray(image, dtype=np.float64)
    mask = np.asarray(mask, dtype=bool) | ~np.isfinite(image)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            source = statmorph.SourceMorphology(
                # NaN would spoil sums over neighboring pixels.
                np.where(np.isfinite(image), image, 0.0),
                np.asarray(labels, dtype=np.int64),
                label,
                mask=mask,
                weightmap=None if noise is None else np.asarray(noise, dtype=np.float64),
                gain=gain,
                psf=psf,
                **options,
            )
        except Exception as error:  # failed assertions, root searches and fits
            status = f'statmorph failed: {type(error).__name__}: {error}'
            return Shape.failed(status, _messages(caught))
    if source.flag == CATASTROPHIC:
        return Shape.failed('no positive flux', _messages(caught))
    values = np.array([_value(source, measurement) for measurement in MEASUREMENTS])
    if not sersic:
        values[_IS_SERSIC] = np.nan
    flag_sersic = source.flag_sersic if sersic else CATASTROPHIC
    box = _smoothing_box(source)
    if box >= _SMALLEST_BOX:
        return Shape(values, source.flag, flag_sersic, 'measured', _messages(caught, sersic))
    # Smoothing with a box of one pixel has no effect: the smoothness would be 0.
    values[_IS_SMOOTHNESS] = np.nan
    status = f'measured without smoothness: its box has {box} pixels'
    return Shape(values, source.flag, flag_sersic, status, _messages(caught, sersic))


def _smoothing_box(source):
    """Edge in pixels of the box with which statmorph smooths the image."""
    edge = source._petro_fraction_cas * source.rpetro_circ
    return int(edge) if edge > 0 else 0


def _value(source, measurement):
    value = float(source[measurement.source])
    if value == _INVALID:
        return np.nan
    return 1 - value if measurement.axis_ratio else value


def _messages(caught, sersic=True):
    """Distinct warnings for users of statmorph, in order."""
    kinds = (AstropyUserWarning, RuntimeWarning)
    told = [str(w.message).strip() for w in caught if issubclass(w.category, kinds)]
    if not sersic:
        told = [message for message in told if not message.startswith(_FIT_WARNINGS)]
    return '; '.join(dict.fromkeys(message.replace('\n', ' ') for message in told))
