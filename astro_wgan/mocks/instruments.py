"""Instruments whose mock images can be made by name, with the source of each number."""

from types import MappingProxyType

from astropy import units as u

from astro_wgan.mocks.instrument import Instrument
from astro_wgan.mocks.psf import AiryPSF, MoffatPSF

__all__ = ['INSTRUMENTS', 'get_instrument']

_HUBBLE = {'diameter': 2.4 * u.m, 'obscuration': 0.33}

_ALL = (
    Instrument(
        name='hst_acs_f814w',
        wavelength=804.5 * u.nm,
        pixel_scale=0.03 * u.arcsec,
        zero_point=25.959,
        exposure_time=2028 * u.s,
        n_exposures=4,
        sky_brightness=21.9,
        dark_current=0.004,
        read_noise=5.0,
        psf=AiryPSF(804.5 * u.nm, **_HUBBLE, blur=0.067 * u.arcsec),
        detector_scale=0.05 * u.arcsec,
        pixfrac=0.8,
        references={
            'survey': 'COSMOS, one orbit: Koekemoer et al. 2007, ApJS 172, 196',
            'pixel_scale, pixfrac, exposure_time': 'Koekemoer et al. 2007; Leauthaud et al. 2007',
            'zero_point': 'Leauthaud et al. 2007, ApJS 172, 219',
            'wavelength': 'ACS Instrument Handbook',
            'dark_current, read_noise': 'ACS Instrument Handbook, for the years of COSMOS',
            'sky_brightness': 'ACS Instrument Handbook: zodiacal light and earthshine, average',
            'psf': 'blur such that a star has the FWHM of 0.095 arcsec of Koekemoer et al. 2007',
        },
    ),
    Instrument(
        name='hst_wfc3_f160w',
        wavelength=1536.9 * u.nm,
        pixel_scale=0.06 * u.arcsec,
        zero_point=25.946,
        exposure_time=3200 * u.s,
        n_exposures=4,
        sky_brightness=21.9,
        dark_current=0.048,
        read_noise=14.0,
        psf=AiryPSF(1536.9 * u.nm, **_HUBBLE, blur=0.125 * u.arcsec),
        detector_scale=0.1283 * u.arcsec,
        pixfrac=0.8,
        references={
            'survey': 'CANDELS wide: Grogin et al. 2011, ApJS 197, 35; Koekemoer et al. 2011, '
            'ApJS 197, 36',
            'pixel_scale, pixfrac': 'Koekemoer et al. 2011',
            'exposure_time, n_exposures': 'Grogin et al. 2011: 4/3 of an orbit in F160W, twice',
            'zero_point, wavelength, dark_current': 'WFC3 Instrument Handbook',
            'sky_brightness': 'WFC3 Instrument Handbook: zodiacal light, 0.7 electron / s / pix',
            'read_noise': 'WFC3 Instrument Handbook: 12 electrons for a ramp of 16 reads, 21 for '
            'two reads; between them',
            'psf': 'blur such that a star has a FWHM of 0.18 arcsec, Koekemoer et al. 2011',
        },
    ),
    Instrument(
        name='euclid_vis',
        wavelength=725 * u.nm,
        pixel_scale=0.1 * u.arcsec,
        zero_point=25.93,
        exposure_time=2264 * u.s,
        n_exposures=4,
        sky_brightness=22.35,
        dark_current=0.0006,
        read_noise=4.4,
        psf=AiryPSF(725 * u.nm, 1.2 * u.m, obscuration=0.35, blur=0.09 * u.arcsec),
        references={
            'survey': 'Euclid Wide Survey: Scaramella et al. 2022, A&A 662, A112',
            'pixel_scale, dark_current': 'Cropper et al. 2016, SPIE 9904',
            'zero_point, wavelength': 'passband of the Euclid archive and a collecting area of '
            '9926 cm2, Euclid Consortium',
            'exposure_time, n_exposures': '4 times 566 s, Euclid Consortium; no short ones',
            'sky_brightness': 'Refregier et al. 2010, arXiv:1001.0061, section 19.4: average',
            'read_noise': 'Euclid Consortium, VIS',
            'psf': 'mirror of Racca et al. 2016, SPIE 9904; blur such that a star has the FWHM of '
            '0.16 arcsec of McCracken et al. 2025, arXiv:2503.15303',
        },
    ),
    Instrument(
        name='jwst_nircam_f200w',
        wavelength=1988 * u.nm,
        pixel_scale=0.03 * u.arcsec,
        zero_point=28.2,
        exposure_time=2835 * u.s,
        n_exposures=3,
        sky_brightness=22.3,
        dark_current=0.002,
        read_noise=9.0,
        psf=AiryPSF(1988 * u.nm, 6.5 * u.m),
        detector_scale=0.031 * u.arcsec,
        pixfrac=1.0,
        references={
            'survey': 'CEERS: Bagley et al. 2023, ApJ 946, L12',
            'pixel_scale, exposure_time, n_exposures, pixfrac': 'Bagley et al. 2023',
            'zero_point': 'PHOTMJSR of 1.7 (MJy / sr) / (DN / s) and 2.05 electrons per DN, JWST '
            'user documentation, NIRCam; detectors differ by 0.1 mag',
            'wavelength': 'JWST user documentation, NIRCam filters',
            'dark_current, read_noise': 'JWST user documentation, NIRCam detectors; 9 electrons '
            'are an estimate for a ramp, of which two reads have 15.8',
            'sky_brightness': 'zodiacal light of about 0.18 MJy / sr at 2 micron',
            'psf': 'mirror as a disc of 6.5 m, which gives the FWHM of 0.066 arcsec of the user '
            'documentation',
        },
    ),
    Instrument(
        name='lsst_i',
        wavelength=754 * u.nm,
        pixel_scale=0.2 * u.arcsec,
        zero_point=28.17,
        exposure_time=5520 * u.s,
        n_exposures=368,
        sky_brightness=20.36,
        dark_current=0.2,
        read_noise=8.8,
        psf=MoffatPSF(0.71 * u.arcsec, beta=4.765),
        references={
            'survey': 'LSST, ten years: 184 visits of 2 times 15 s, Ivezic et al. 2019, '
            'ApJ 873, 111',
            'pixel_scale, exposure_time': 'Ivezic et al. 2019, tables 1 and 2',
            'zero_point, wavelength': 'Rubin technical note SMTN-002, at the zenith',
            'sky_brightness': 'SMTN-002: 20.46 above the atmosphere, of which 0.10 mag are in '
            'the zero point of stars but not in that of the sky',
            'dark_current, read_noise': 'requirements, SMTN-002',
            'psf': 'SMTN-002: an effective FWHM of 0.80 arcsec, which is one of 0.71 arcsec; beta '
            'of turbulence, Trujillo et al. 2001, MNRAS 328, 977',
        },
    ),
)

#: Instruments by name.
INSTRUMENTS = MappingProxyType({instrument.name: instrument for instrument in _ALL})


def get_instrument(name):
    """
    An instrument by name.

    Parameters
    ----------
    name : str or `Instrument`
        One of ``INSTRUMENTS``; an instrument of yours is given back as it is.

    Returns
    -------
    `Instrument`

    Raises
    ------
    ValueError
        If there is none of this name.

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
