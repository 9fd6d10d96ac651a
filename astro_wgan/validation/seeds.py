"""`check_seed` and `random_stream`: seeds of random numbers, and streams derived from them."""

import numpy as np

__all__ = ['check_seed', 'random_stream']


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


def random_stream(seed, *key):
    """
    Independent stream of random numbers for each key.

    Parameters
    ----------
    seed : int or tuple of int
    *key : int
        Such as the index of a block and of a band.

    Returns
    -------
    `~numpy.random.Generator`
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
