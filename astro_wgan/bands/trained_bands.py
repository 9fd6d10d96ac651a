"""Bands that a model was trained on, by their names, and whether stamps have the same ones."""

from dataclasses import replace

from astro_wgan.bands.band import Band, as_bands, names_of, unnamed_bands

__all__ = [
    'as_trained_bands',
    'bands_advice',
    'check_trained_bands',
    'check_weights_of_bands',
    'trained_bands',
]


def trained_bands(stamps):
    """
    Bands that a model which is trained on stamps knows.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`

    Returns
    -------
    tuple of `Band`
        Without their PSFs; empty if the bands have no names.
    """
    return tuple(replace(band, psf=None) for band in stamps.bands) if _is_named(stamps) else ()


def check_trained_bands(stamps, known, *, name='stamps'):
    """
    Refuse stamps whose bands have other names, or another order, than those of a model.

    A single band may have another name: its stamps are those of another filter.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        With the number of bands of the model.
    known : tuple of `Band`
        Bands of the model; empty if they have no names.
    name : str
        Name of the argument, for errors.

    Raises
    ------
    ValueError
        If both have names, which differ.
    """
    own, wanted = names_of(stamps.bands), names_of(known)
    if len(known) < 2 or not _is_named(stamps) or own == wanted:
        return
    raise ValueError(
        f'`{name}` must have the bands of the model in their order, {", ".join(wanted)}; got '
        f'{", ".join(own)}. {bands_advice(stamps, known)}'
    )


def check_weights_of_bands(stamps, known):
    """
    Refuse to start a training from a model of the same bands in another order.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.store.StampStore`
        To be trained on; may have other bands than the model.
    known : tuple of `Band`
        Bands of the initial model.

    Raises
    ------
    ValueError
        If the order differs.
    """
    own, wanted = names_of(stamps.bands), names_of(known)
    if own != wanted and sorted(own) == sorted(wanted):
        raise ValueError(
            f'`initial_model` has the bands {", ".join(wanted)}, `stamps` have {", ".join(own)}: '
            f'its weights are those of other bands. {bands_advice(stamps, known)}'
        )


def bands_advice(stamps, known):
    """How to get the bands of a model from stamps, as a sentence; empty if it has no names."""
    own, wanted = names_of(stamps.bands), names_of(known)
    if not known:
        return ''
    missing = [name for name in wanted if name not in own]
    if not missing:
        index = wanted[0] if len(wanted) == 1 else wanted
        return f'Take `stamps[{index!r}]`, or give images in this order.'
    lacks = f'There is no band {", ".join(missing)}.'
    if len(own) != len(wanted):
        return lacks
    return f'{lacks} If only the names differ, `stamps.replace(bands={wanted})` gives these.'


def as_trained_bands(values, n_bands):
    """
    Bands of a model from the plain values in a file.

    Parameters
    ----------
    values : list of dict or None
        As from `Band.to_dict`; None of a model that knows no names.
    n_bands : int
        Number of bands of the model.

    Returns
    -------
    tuple of `Band`

    Raises
    ------
    KeyError, TypeError, ValueError
        If the values are not bands, or not as many.
    """
    if not values:
        return ()
    return as_bands([Band.from_dict(value) for value in values], n_bands)


def _is_named(stamps):
    n_bands = len(stamps.bands)
    return n_bands > 0 and names_of(stamps.bands) != names_of(unnamed_bands(n_bands))
