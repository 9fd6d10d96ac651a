"""Layouts of surveys and telescopes, from their own documents."""

from dataclasses import replace

from astro_wgan.images.layouts.layout import ROLES, Layout
from astro_wgan.images.layouts.quality_bits import BAD_PLANES_OF_RUBIN, BAD_PLANES_OF_SPHEREX

__all__ = ['GENERAL', 'NONE', 'SURVEY_LAYOUTS', 'ZERO_POINT_CARD']

#: Card of `meta` with the AB magnitude of a pixel value of 1.
ZERO_POINT_CARD = 'ABZERO'

#: For files that no other layout recognizes. Files that this package wrote keep their zero point.
GENERAL = Layout(
    'general',
    title='any file, by common names of extensions',
    zero_point=ZERO_POINT_CARD,
)

NONE = Layout(
    'none',
    title='the image alone, without masks, weights and uncertainties of the file',
    **dict.fromkeys(ROLES),
    zero_point=ZERO_POINT_CARD,
)

_HST = Layout(
    'hst',
    title='Hubble ACS and WFC3/UVIS: drz, drc, flt, flc, and mosaics with weights beside',
    cards={'TELESCOP': 'HST', 'INSTRUME': ('ACS', 'WFC3')},
    files=('{mosaic}_sci.fits*', '{mosaic}_drz.fits*', '{mosaic}_drc.fits*'),
    weight=('WHT', '{mosaic}_wht.fits*'),
    # Hot and warm pixels, which the dark corrects, but not unstable ones (32), are usable, as in
    # the drizzling by STScI.
    bits=~(16 | 64),
    zero_point='PHOTFLAM',
    per_second=True,
    source='bits: hstcal, pkg/acs/include/acsdq.h and pkg/wfc3/include/wf3dq.h '
    '(https://github.com/spacetelescope/hstcal); usable bits: final_bits in drizzlepac, '
    'pars/hap_pars/svm_parameters (https://github.com/spacetelescope/drizzlepac), which also '
    'accepts saturated pixels (256)',
)

_HST_IR = replace(
    _HST,
    name='hst-ir',
    title='Hubble WFC3/IR: drz, flt, and mosaics with weights beside',
    cards={'TELESCOP': 'HST', 'INSTRUME': 'WFC3', 'DETECTOR': 'IR'},
    # Warm pixels and blobs.
    bits=~(64 | 512),
)

_JWST = Layout(
    'jwst',
    title='Webb: i2d, cal, and mosaics with weights and errors beside',
    cards={'TELESCOP': 'JWST'},
    files='{mosaic}_sci.fits*',
    uncertainty=('ERR', '{mosaic}_err.fits*'),
    weight=('WHT', '{mosaic}_wht.fits*'),
    # DO_NOT_USE, which is set for each reason not to use a pixel, and NON_SCIENCE.
    bits=1 | 512,
    unit='MJy/sr',
    source='JWST pipeline, References: Data Quality Flags (https://jwst-pipeline.readthedocs.io/en/'
    'latest/jwst/references_general/references_general.html#data-quality-flags), and its '
    'stdatamodels/jwst/datamodels/dqflags.py',
)

_ROMAN = Layout(
    'roman',
    title='Roman, in FITS',
    cards={'TELESCOP': 'ROMAN'},
    bits=1 | 512,
    source='roman_datamodels, dqflags.py (https://github.com/spacetelescope/roman_datamodels)',
)

#: Planes that the software of Rubin always has, for files that do not name them.
_RUBIN_PLANES = {
    'BAD': 0,
    'SAT': 1,
    'INTRP': 2,
    'CR': 3,
    'EDGE': 4,
    'DETECTED': 5,
    'DETECTED_NEGATIVE': 6,
    'SUSPECT': 7,
    'NO_DATA': 8,
}

_RUBIN = Layout(
    'rubin',
    title='Rubin (LSST): visit and coadded images',
    hdus=('IMAGE', 'MASK', 'VARIANCE'),
    image='IMAGE',
    variance='VARIANCE',
    mask='MASK',
    bits=BAD_PLANES_OF_RUBIN,
    planes=_RUBIN_PLANES,
    # Of images in nJy none is needed.
    zero_point='PhotoCalib',
    source='Rubin Observatory, Data Preview 1: Visit and Difference Image Mask Planes; Deep '
    'and Template Coadd Mask Planes; PhotoCalib: lsst.afw, src/image/PhotoCalib.cc '
    '(https://github.com/lsst/afw)',
)

_HSC = replace(
    _RUBIN,
    name='hsc',
    title='Hyper Suprime-Cam: visit and coadded images, and cutouts of them',
    cards={'FLUXMAG0': '*'},
    # Cutouts may have the image alone.
    hdus=(),
    zero_point=('PhotoCalib', 'FLUXMAG0'),
    source='Bosch et al. 2018, PASJ 70, S5; Aihara et al. 2022, PASJ 74, 247; FLUXMAG0: lsst.afw, '
    'src/image/ExposureFitsReader.cc (https://github.com/lsst/afw)',
)

_DES = Layout(
    'des',
    title='Dark Energy Survey: coadded tiles, and images of CCDs',
    hdus=('SCI', 'MSK', 'WGT'),
    image='SCI',
    inverse_variance='WGT',
    weight=None,
    mask='MSK',
    # Tiles have bit 1 alone, where all exposures are masked. Of CCDs: bad pixels and amplifiers,
    # saturated, cosmic rays, trails, bleeding, crosstalk, edges and streaks. Interpolated, fixed
    # and suspect ones, and those near bright stars, are used.
    bits=1 | 2 | 8 | 16 | 64 | 128 | 256 | 512 | 1024,
    zero_point='MAGZERO',
    source='Morganson et al. 2018, PASP 130, 074501; Abbott et al. 2021, ApJS 255, 20; tiles: '
    'despyfits, coadd_assemble.py; bits: despyfits, maskbits.py '
    '(https://github.com/DarkEnergySurvey/despyfits)',
)

_NOIRLAB = Layout(
    'noirlab',
    title='pipeline of NOIRLab for 90prime and Mosaic-3: ooi, opi and osi with weights and masks '
    'beside',
    cards={'PLVER': '?*'},
    # Calibrated, resampled and stacked.
    files='{exposure}_o{kind=o,p,s}i_{rest}.fits*',
    inverse_variance='{exposure}_o{kind}w_{rest}.fits*',
    mask=('{exposure}_o{kind}d_{rest}.fits*', 'DQ', 'MASK', 'BPM'),
    # Codes of reasons instead of bits, since version 3.5.
    bits=-1,
    source='NOAO Data Handbook, DECam; Valdes 2021, The DECam Community Pipeline '
    'Instrumental Signature Removal (PL206); codes, bits and zero points: legacypipe, cpimage.py, '
    'bits.py and decam.py (https://github.com/legacysurvey/legacypipe)',
)

_DECAM = replace(
    _NOIRLAB,
    name='decam',
    title='DECam community pipeline: ooi, opi and osi with weights and masks beside',
    cards={'PLVER': '?*', 'INSTRUME': 'DECam'},
    zero_point='MAGZERO',
)

_LEGACY = Layout(
    'legacy',
    title='Legacy Surveys: image with invvar and maskbits beside',
    cards={'LEGPIPEV': '*', 'IMTYPE': 'image'},
    files='legacysurvey-{brick}-image-{band}.fits*',
    by_name=True,
    inverse_variance='legacysurvey-{brick}-invvar-{band}.fits*',
    mask='legacysurvey-{brick}-maskbits.fits*',
    # Others mark the surroundings of stars and galaxies, and other bands.
    bits=('SATUR_{band}', 'ALLMASK_{band}'),
    planes={
        'SATUR_G': 2,
        'SATUR_R': 3,
        'SATUR_Z': 4,
        'ALLMASK_G': 5,
        'ALLMASK_R': 6,
        'ALLMASK_Z': 7,
        'SATUR_I': 14,
        'ALLMASK_I': 15,
    },
    unit='nanomaggy',
    source='Legacy Surveys, Data Release 9: Files; Bitmasks, section MASKBITS; cards: legacypipe, '
    'coadds.py and bits.py (https://github.com/legacysurvey/legacypipe)',
)

_LEGACY_CUTOUT = replace(
    _LEGACY,
    name='legacy-cutout',
    title='Legacy Surveys: cutouts of the viewer, with invvar and maskbits',
    cards={'SURVEY': ('LegacySurvey', 'DECaLS', 'MzLS'), 'BANDS': '?*'},
    files=(),
    by_name=None,
    inverse_variance='INVVAR',
    mask='MASKBITS',
    # In any band: there is one mask for all.
    bits=('SATUR_*', 'ALLMASK_*'),
    source='imagine, write_cutout in map/views.py (https://github.com/legacysurvey/imagine)',
)

_KIDS = Layout(
    'kids',
    title='Kilo-Degree Survey: sci with wei and msk beside',
    cards={'INSTRUME': 'OMEGACAM', 'OBJECT': 'KIDS_*'},
    files='KiDS_{tile}_sci.fits*',
    by_name=True,
    weight='KiDS_{tile}_wei.fits*',
    mask='KiDS_{tile}_msk.fits*',
    # Readout spikes, saturated cores, diffraction spikes, bad pixels, and areas masked by hand, but
    # not the halos of reflections (8, 16, 32).
    bits=1 | 2 | 4 | 64 | 128,
    zero_point='PHOTZP',
    source='KiDS-ESO-DR4: File types and formats, section Naming convention '
    '(https://kids.strw.leidenuniv.nl/DR4/format.php); KiDS-ESO-DR1: Masking of bright stars and '
    'defects (https://kids.strw.leidenuniv.nl/DR1/masking.php); ESO Science Data Products '
    'Standard (PHOTZP)',
)

_SDSS = Layout(
    'sdss',
    title='Sloan Digital Sky Survey: frame',
    cards={'TELESCOP': '2.5m', 'NMGY': '*'},
    **dict.fromkeys(ROLES),
    unit='nanomaggy',
    source='SDSS data model: frame, section HDU0',
)

_PANSTARRS = Layout(
    'panstarrs',
    title='Pan-STARRS stacks and warps: with wt and mask beside',
    cards={'PSCAMERA': '*', 'FPA.ZP': '*'},
    files='{sky}.skycell.{cell}.{kind=stk,wrp}.{rest}.fits*',
    by_name=True,
    # Called weight, but a variance.
    variance='{sky}.skycell.{cell}.{kind}.{rest}.wt.fits*',
    mask='{sky}.skycell.{cell}.{kind}.{rest}.mask.fits*',
    # MASK.VALUE of the headers, and ghosts. Suspect ones, spikes, streaks, cores of stars, and what
    # is poor after the convolution are used.
    bits=(*('DETECTOR', 'FLAT', 'DARK', 'BLANK', 'CTE', 'SAT', 'LOW', 'CR', 'GHOST', 'CONV.BAD'),),
    planes={
        'DETECTOR': 0,
        'FLAT': 1,
        'DARK': 2,
        'BLANK': 3,
        'CTE': 4,
        'SAT': 5,
        'LOW': 6,
        'SUSPECT': 7,
        'CR': 8,
        'SPIKE': 9,
        'GHOST': 10,
        'STREAK': 11,
        'STARCORE': 12,
        'CONV.BAD': 13,
        'CONV.POOR': 14,
    },
    # 25 for stacks.
    zero_point='FPA.ZP',
    per_second=True,
    unit='adu',
    source='PS1 Stack images, section Photometric calibration (https://outerspace.stsci.edu/display/'
    'PANSTARRS/PS1+Stack+images); PS1 Pixel flags in Image Table Data, section Pixel Flags; Waters '
    'et al. 2020, ApJS 251, 4; wt and cards: legacypipe, panstarrs.py '
    '(https://github.com/legacysurvey/legacypipe)',
)

_EUCLID_MER = Layout(
    'euclid-mer',
    title='Euclid MER mosaics: BGSUB-MOSAIC with RMS and FLAG beside',
    cards={'TELESCOP': 'EUCLID', 'MAGZERO': '*'},
    files='EUC_MER_BGSUB-MOSAIC-{band}_TILE{tile}-*.fits*',
    by_name=True,
    uncertainty='EUC_MER_MOSAIC-{band}-RMS_TILE{tile}-*.fits*',
    mask='EUC_MER_MOSAIC-{band}-FLAG_TILE{tile}-*.fits*',
    # INVALID, which is set for each reason not to use a pixel.
    bits=1,
    zero_point='MAGZERO',
    source='Euclid Q1 Data Product Description Document: Background-Subtracted Mosaic Product '
    '(https://euclid.esac.esa.int/dr/q1/dpdd/merdpd/dpcards/mer_bksmosaic.html)',
)

_EUCLID_VIS = Layout(
    'euclid-vis',
    title='Euclid VIS: calibrated quadrants',
    cards={'TELESCOP': 'EUCLID'},
    bits=1,
    zero_point='MAGZEROP',
    per_second=True,
    unit='adu',
    source='Euclid Q1 Data Product Description Document: VIS Calibrated Quad Frame Product; '
    'MAGZEROP: legacypipe, euclid.py (https://github.com/legacysurvey/legacypipe)',
)

_EUCLID_NISP = Layout(
    'euclid-nisp',
    title='Euclid NISP: calibrated frames',
    cards={'TELESCOP': 'EUCLID', 'ZPAB': '*'},
    bits=1,
    zero_point='ZPAB',
    unit='electron',
    source='Euclid Q1 Data Product Description Document: NIR Calibrated Frame '
    '(https://euclid.esac.esa.int/dr/q1/dpdd/nirdpd/dpcards/nir_calibratedframe.html); ZPAB: '
    'legacypipe, euclid.py (https://github.com/legacysurvey/legacypipe)',
)

_GEMINI = Layout(
    'gemini',
    title='Gemini: images with VAR and DQ',
    cards={'TELESCOP': 'Gemini*'},
    # Nonlinear pixels, which are corrected, and those of several exposures.
    bits=~(2 | 32),
    source='Astrodata, User Manual: Data Quality Plane '
    '(https://github.com/GeminiDRSoftware/astrodata, docs/manuals/usermanual/data.rst)',
)

_SPHEREX = Layout(
    'spherex',
    title='SPHEREx: spectral images',
    cards={'TELESCOP': 'SPHEREx*'},
    bits=BAD_PLANES_OF_SPHEREX,
    source='SPHEREx Explanatory Supplement',
)

#: In the order in which they are tried.
SURVEY_LAYOUTS = (
    _HST_IR,
    _HST,
    _JWST,
    _ROMAN,
    _EUCLID_MER,
    _EUCLID_NISP,
    _EUCLID_VIS,
    _HSC,
    _RUBIN,
    _DES,
    _LEGACY,
    _LEGACY_CUTOUT,
    _DECAM,
    _NOIRLAB,
    _KIDS,
    _SDSS,
    _PANSTARRS,
    _GEMINI,
    _SPHEREX,
)
