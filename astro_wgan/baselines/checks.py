"""What all baselines ask first: scikit-learn, and whether `fit` was called."""

from astro_wgan.exceptions import NotFittedError
from astro_wgan.optional import import_optional

__all__ = ['check_fitted', 'import_sklearn']


def check_fitted(baseline, attribute):
    """
    Make sure that a baseline has learnt something.

    Raises
    ------
    NotFittedError
        If it does not have the attribute that `fit` sets.
    """
    if not hasattr(baseline, attribute):
        raise NotFittedError(
            f'This {type(baseline).__name__} has not been fitted: call `fit` first.'
        )


def import_sklearn():
    """The package scikit-learn, or the error that says how to install it."""
    return import_optional('sklearn', purpose='Baselines need')
