"""BUNIT, as archives spell it."""

import warnings

from astropy import units as u
from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.limits import check_unit_text

__all__ = ['read_unit']

#: Words of BUNIT that astropy spells otherwise.
_UNIT_WORDS = {'counts': u.ct, 'electrons': u.electron, 'photons': u.photon}


def read_unit(header, where):
    """The unit of a header, or None with a warning where astropy knows none such."""
    text = str(header.get('BUNIT', '')).strip()
    with warnings.catch_warnings():
        # Of two slashes in a unit, which are understood.
        warnings.simplefilter('ignore', u.UnitsWarning)
        try:
            check_unit_text(text)
            return u.Unit(text)
        except ValueError:
            pass
        try:
            check_unit_text(text)
            with u.add_enabled_aliases(_UNIT_WORDS):
                # Headers are often in capitals throughout: ELECTRONS/S.
                return u.Unit(text.lower())
        except ValueError:
            pass
    warnings.warn(
        f'BUNIT {text!r} of {where} is no unit that astropy knows; the image has no unit.',
        AstropyUserWarning,
        stacklevel=2,
    )
    return None
