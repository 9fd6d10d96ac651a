"""The option ``--size`` of the commands: pixels or an angle."""

import argparse

__all__ = ['size_of_text']


def size_of_text(text):
    """
    A number of pixels, or an angle.

    Parameters
    ----------
    text : str
        ``'64'`` or ``'10arcsec'``.

    Returns
    -------
    int or `~astropy.units.Quantity`

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither.

    Examples
    --------
    >>> from astro_wgan.cli_size import size_of_text
    >>> size_of_text('64'), size_of_text('10arcsec')
    (64, <Quantity 10. arcsec>)
    """
    try:
        return int(text)
    except ValueError:
        pass
    from astropy import units as u

    from astro_wgan.files.limits import check_unit_text

    try:
        check_unit_text(text)
        size = u.Quantity(text)
    except (ValueError, TypeError):
        size = None
    if size is None or not size.unit.is_equivalent(u.arcsec) or not size.isscalar:
        raise argparse.ArgumentTypeError(
            f'must be a whole number of pixels, or an angle such as 10arcsec; got {text!r}.'
        )
    return size
