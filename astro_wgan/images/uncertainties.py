"""The uncertainty of an image, of whatever kind, as standard deviation."""

import numpy as np
from astropy.nddata import StdDevUncertainty, UnknownUncertainty

from astro_wgan.exceptions import ImageError
from astro_wgan.stamps.checks import as_float

__all__ = ['standard_deviation']


def standard_deviation(image, unit):
    """
    The uncertainty of an image, of whatever kind, as standard deviation.

    Parameters
    ----------
    image : `~astropy.nddata.NDData`
        An image with uncertainty.
    unit : unit-like or None
        What to give it in.

    Returns
    -------
    `~numpy.ndarray`
        Same shape as the image.

    Raises
    ------
    ImageError
        If the kind is unknown.
    """
    if isinstance(image.uncertainty, UnknownUncertainty):
        raise ImageError(
            'The kind of the uncertainty is unknown: make it a StdDevUncertainty, a '
            'VarianceUncertainty or an InverseVariance.'
        )
    deviation = image.uncertainty
    # Of a logarithm, astropy has no variance.
    if not isinstance(deviation, StdDevUncertainty):
        with np.errstate(divide='ignore'):  # no weight is an infinite standard deviation
            deviation = deviation.represent_as(StdDevUncertainty)
    values = as_float(deviation.array, 'uncertainty')
    own = deviation.unit or image.unit
    return values if own == unit else (values * own).to_value(unit)
