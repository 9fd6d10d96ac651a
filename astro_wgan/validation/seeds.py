"""`check_seed`: seeds of random numbers."""

import numpy as np

__all__ = ['check_seed']


def check_seed(seed):
    """
    Refuse a seed that NumPy would refuse, before any work is done.

    Parameters
    ----------
    seed : int or sequence of int
        As `numpy.random.SeedSequence` takes it.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> from astro_wgan.validation.seeds import check_seed
    >>> check_seed((3, 1))
    """
    try:
        np.random.SeedSequence(seed)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'`seed` must be an integer of 0 or more, or several of them; got {seed!r}.'
        ) from error
