"""The option ``--size`` of the commands: pixels or an angle."""

import argparse
from contextlib import suppress

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
    >>> from astro_wgan.commands.options.size_option import size_of_text
    >>> size_of_text('64'), size_of_text('10arcsec')
    (64, <Quantity 10. arcsec>)
    """
    with suppress(ValueError):
        return int(text)
    from astropy import units as u

    from astro_wgan.files.limits import check_unit_text

    with suppress(ValueError, TypeError):
        check_unit_text(text)
        size = u.Quantity(text)
        if size.isscalar and size.unit.is_equivalent(u.arcsec):
            return size
    raise argparse.ArgumentTypeError(
        f'must be a whole number of pixels, or an angle such as 10arcsec; got {text!r}.'
    )
