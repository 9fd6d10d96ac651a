"""Instruments that are available by name, read from ``data/instruments.yaml``."""

from importlib.resources import files
from types import MappingProxyType

from astropy import units as u

from astro_wgan.files.yaml_text import load_yaml
from astro_wgan.mocks.instrument import Instrument
from astro_wgan.mocks.psf import AiryPSF, GaussianPSF, MoffatPSF

__all__ = ['INSTRUMENTS', 'get_instrument']

_PSF_MODELS = {model.__name__: model for model in (AiryPSF, GaussianPSF, MoffatPSF)}

#: Arguments that are quantities, of instruments and of models of the PSF.
_QUANTITIES = (
    'blur_fwhm',
    'detector_scale',
    'diameter',
    'exposure_time',
    'fwhm',
    'pixel_scale',
    'wavelength',
)


def _read_instruments():
    text = (files('astro_wgan.mocks') / 'data' / 'instruments.yaml').read_text(encoding='utf-8')
    return {name: _instrument(name, values) for name, values in load_yaml(text).items()}


def _instrument(name, values):
    psf = dict(values['psf'])
    model = _PSF_MODELS[psf.pop('model')]
    return Instrument(name=name, **_with_units(values) | {'psf': model(**_with_units(psf))})


def _with_units(values):
    return {k: u.Quantity(value) if k in _QUANTITIES else value for k, value in values.items()}


#: Instruments by name.
INSTRUMENTS = MappingProxyType(_read_instruments())


def get_instrument(name):
    """
    Get an instrument by its name.

    Parameters
    ----------
    name : str or `Instrument`
        One of ``INSTRUMENTS``. An `Instrument` is returned unchanged.

    Returns
    -------
    `Instrument`

    Raises
    ------
    ValueError
        If there is no instrument of this name.

    Examples
    --------
    >>> from astro_wgan.mocks import get_instrument
    >>> get_instrument('euclid_vis').pixel_scale
    <Quantity 0.1 arcsec / pix>
    """
    if isinstance(name, Instrument):
        return name
    if name not in INSTRUMENTS:
        raise ValueError(f'`instrument` must be one of {sorted(INSTRUMENTS)}; got {name!r}.')
    return INSTRUMENTS[name]
