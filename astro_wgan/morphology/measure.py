"""`measure_morphology`: CAS, Gini, M20 and a Sersic fit for each stamp of a set, as a table."""

from collections import Counter
from functools import partial
from inspect import signature

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.morphology.chunk import Chunk, Settings, empty_columns, measure_chunk
from astro_wgan.morphology.shape import MEASUREMENTS, import_statmorph
from astro_wgan.sources.batch import checked_band, read_batch
from astro_wgan.sources.zero_points import as_background
from astro_wgan.store.stamp_inputs import as_stamps
from astro_wgan.units.pixel_flux import beam_of, summed_pixels
from astro_wgan.validation.masked import without_mask

__all__ = ['measure_morphology']

# The examples need what an extra brings.
__doctest_requires__ = {'*': ['statmorph']}

#: Stamps that a process works on at a time: some seconds.
_CHUNK = 16


def measure_morphology(
    stamps,
    *,
    target='central',
    segmentation=None,
    background=None,
    subtract_background=True,
    gain=None,
    psf=None,
    sersic=True,
    band=None,
    statmorph_options=None,
    processes=1,
    client=None,
    progress=True,
    output=None,
):
    """
    Measure the shape of the galaxy in each stamp with statmorph.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        The images, or the path of a store of them, or whatever else
        `~astro_wgan.store.as_stamps` takes. Their uncertainty, where they have one, is
        statmorph's weight map.
    target : {'central', 'all'}, optional
        Measure the source in the middle, with its neighbors masked, or all sources of the stamp
        as if they were one. In the middle is the source whose pixels come nearest to it, unless
        that is more than an eighth of the stamp's edge away.
    segmentation : `~astro_wgan.detection.DetectionConfig` or array_like of int, optional
        How sources are looked for, as by `~astro_wgan.sources.segment_stamps`; or for each stamp
        an image of labels, 0 for sky, shape (n, ny, nx).
    background : float, array_like or `~astropy.units.Quantity`, optional
        Level of the sky where it is known, 0 where it has been subtracted, as in
        `~astro_wgan.sources.measure_sources`. Otherwise SEP measures it in each stamp: in small
        stamps the wings of a large galaxy count as background.
    subtract_background : bool, optional
        Subtract that background from the image of which shapes are measured. Sources are looked
        for without it in any case.
    gain : float, optional
        Electrons per unit of the pixels, for the weight map of stamps without uncertainty. Where
        it is not given either, the noise of the background is the weight map.
    psf : array_like, optional
        What the Sersic model is convolved with; by default the PSF of the stamps, if they have
        one.
    sersic : bool, optional
        Fit a Sersic model. It takes little of the time, but with a large PSF it may be a third.
    band : int, optional
        Which band to measure; needed where there are several.
    statmorph_options : dict, optional
        Further arguments of ``statmorph.SourceMorphology``, such as ``{'petro_extent_cas': 2}``.
    processes : int, optional
        Processes that work at the same time, this one among them.
    client : `dask.distributed.Client`, optional
        A Dask cluster that works instead.
    progress : bool, optional
        Show a progress line.
    output : path-like, optional
        File that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.

    Returns
    -------
    `~astropy.table.QTable`
        A row per stamp, in their order: ``id``, then

        * ``concentration``, ``asymmetry``, ``smoothness``, ``gini``, ``m20``,
          ``gini_m20_bulge``, ``gini_m20_merger``, ``multimode``, ``intensity``, ``deviation``,
          ``outer_asymmetry``, ``shape_asymmetry`` as in statmorph;
        * ``half_light_radius`` and ``petrosian_radius``, semi-major axes of the ellipses that hold
          half the light and of the Petrosian one; ``axis_ratio`` of these, and ``orientation`` of
          the major axis, as that of the fit in degrees from the x axis toward the y axis;
          ``xc_asymmetry`` and ``yc_asymmetry``, their center in the stamp; ``petrosian_flux``, the
          sum of pixels, times their solid angle where they hold surface brightness;
        * ``signal_to_noise``, mean per pixel; ``sky_mean`` and ``sky_rms``;
        * ``sersic_index``, ``sersic_radius``, ``sersic_axis_ratio``, ``sersic_orientation``,
          ``sersic_amplitude`` (at that radius) and ``sersic_chi2_dof`` of the fit;
        * ``flag`` and ``flag_sersic`` of statmorph: 0 good, 1 suspect, 2 bad, 4 nothing measured;
        * ``touches_border``, whether the segment reaches the edge of the stamp;
        * ``stamp_filled``, whether the light of the galaxy counts as the sky that was measured, as
          `~astro_wgan.sources.SourceFlag.STAMP_FILLED` says;
        * ``status``, ``'measured'`` or why not, and ``warnings``, what statmorph warned of.
          ``'measured without smoothness: ...'`` is a galaxy too small for it: smoothness is what
          a box of a quarter of the Petrosian radius smooths away, and a box of one pixel smooths
          nothing.

        What could not be measured is NaN. Lengths are in pixels; where the pixel scale is known
        there are ``half_light_radius_arcsec``, ``petrosian_radius_arcsec`` and
        ``sersic_radius_arcsec`` too. ``meta`` holds the provenance and counts of each status.

    Raises
    ------
    ImportError
        If statmorph is not installed.
    ValueError
        If an argument is out of range, or ``output`` holds results of other work, or is damaged.

    Notes
    -----
    Concentration, asymmetry, smoothness (clumpiness), Gini and M20 are what Margalef-Bentabol et
    al. 2020 (section 4.1) cluster with k-means. Definitions: Lotz et al. 2004 (AJ 128, 163),
    Conselice 2003 (ApJS 147, 1), Freeman et al. 2013 (MNRAS 434, 282), Pawlik et al. 2016 (MNRAS
    456, 3032); the code: Rodriguez-Gomez et al. 2019 (MNRAS 483, 4140).

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.morphology import measure_morphology
    >>> from astro_wgan.stamps import StampSet
    >>> stamps = StampSet.from_image(datasets.load_image('mock_f814w'), size=64,
    ...                     positions=[(143, 181)])
    >>> table = measure_morphology(stamps, progress=False)
    >>> table['status'].tolist()
    ['measured']
    """
    statmorph = import_statmorph()
    stamps = as_stamps(stamps)
    settings = Settings(
        target=target,
        detection=segmentation if isinstance(segmentation, DetectionConfig) else DetectionConfig(),
        subtract_background=subtract_background,
        gain=gain,
        psf=_checked_psf(stamps.psf if psf is None else psf),
        sersic=sersic,
        band=checked_band(band, stamps.bands),
        statmorph_options=_checked_options(statmorph_options or {}, statmorph),
    )
    background = as_background(background, stamps, settings.detection)
    labels = _checked_labels(segmentation, (len(stamps), *stamps.shape))
    if processes < 1:
        raise ValueError(f'`processes` must be at least 1; got {processes}.')
    fingerprint = None if output is None else _fingerprint(stamps, labels, background, settings)
    measure = partial(measure_chunk, settings=settings)
    with (
        ResumeFile(output, fingerprint, total=len(stamps)) as kept,
        ProgressLine('morphology', quiet=not progress) as line,
    ):
        total = len(stamps)
        line.update(len(kept) / max(1, total), f'{len(kept)} of {total} stamps')
        chunks = _chunks(stamps, labels, background, settings.band, first=len(kept))
        for part in ordered_map(measure, chunks, processes=processes, client=client):
            kept.append(part)
            line.update(len(kept) / total, f'{len(kept)} of {total} stamps')
    return _table(stamps, kept.columns() or empty_columns(), settings)


def _checked_psf(psf):
    if psf is None:
        return None
    psf = np.asarray(psf, dtype=float)
    if psf.ndim != 2 or not np.isfinite(psf).all() or not psf.sum() > 0:
        raise ValueError(
            '`psf` must be one image of finite numbers with a sum above 0; '
            f'got an array of shape {psf.shape}.'
        )
    return psf


def _checked_options(options, statmorph):
    taken = {'image', 'segmap', 'label', 'mask', 'weightmap', 'gain', 'psf'}
    allowed = sorted(set(signature(statmorph.SourceMorphology).parameters) - taken)
    for name in options:
        if name not in allowed:
            raise ValueError(f'`statmorph_options` may hold {allowed}; got {name!r}.')
    return options


def _checked_labels(segmentation, shape):
    if segmentation is None or isinstance(segmentation, DetectionConfig):
        return None
    labels, mask = without_mask(segmentation)
    labels = np.asarray(labels) if mask is None else np.where(mask, 0, labels)
    if labels.shape != shape or labels.dtype.kind not in 'iub' or (labels < 0).any():
        raise ValueError(
            '`segmentation` must be a DetectionConfig, or whole numbers from 0 of shape '
            f'{shape}; got {labels.dtype} of shape {labels.shape}.'
        )
    return labels


def _chunks(stamps, labels, background, band, *, first):
    for start in range(first, len(stamps), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(stamps)))
        level, known = (None if array is None else array[rows] for array in (background, labels))
        yield Chunk(read_batch(stamps[rows], band, level), known)


def _fingerprint(stamps, labels, background, settings):
    work = describe_settings({**vars(settings), 'segmentation': labels, 'background': background})
    return Fingerprint({'stamps': describe_stamps(stamps), 'settings': work})


def _table(stamps, columns, settings):
    columns = {
        name: column for name, column in columns.items() if settings.sersic or 'sersic' not in name
    }
    units = {'length': u.pix, 'angle': u.rad, 'flux': stamps.unit or u.dimensionless_unscaled}
    kinds = {measurement.name: measurement.kind for measurement in MEASUREMENTS}
    table = QTable({'id': stamps.ids})
    area = stamps.pixel_area
    for name, column in columns.items():
        kind = kinds.get(name)
        if kind == 'sum':
            beam = beam_of(stamps.meta)
            table[name] = summed_pixels(column, stamps.unit, area=area, beam=beam)
        else:
            table[name] = _with_unit(column, units[kind]) if kind else column
        if kind == 'length' and name.endswith('radius') and area is not None:
            table[f'{name}_arcsec'] = (table[name] * np.sqrt(area)).to(u.arcsec)
    table.meta = {
        'morphology': settings.to_dict(),
        'status': dict(Counter(columns['status'].tolist())),
        'provenance': provenance_record('statmorph', 'photutils'),
    }
    return table


def _with_unit(column, unit):
    # statmorph's angles are in radians, those of our tables in degrees.
    return (column * unit).to(u.deg) if unit == u.rad else column * unit
