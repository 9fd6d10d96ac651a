"""`measure_morphology`: CAS, Gini, M20 and Sersic fits of all stamps, as a table."""

from collections import Counter
from functools import partial
from inspect import signature
from pathlib import Path
from urllib.parse import quote

import numpy as np
from astropy import units as u
from astropy.table import QTable

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import check_workers, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.morphology.chunk import Chunk, Settings, empty_columns, measure_chunk
from astro_wgan.morphology.shape import MEASUREMENTS, import_statmorph
from astro_wgan.sources.batch import checked_bands, read_batch
from astro_wgan.sources.zero_points import as_background
from astro_wgan.store.stamp_inputs import as_stamps
from astro_wgan.units.pixel_flux import beam_of, summed_pixels
from astro_wgan.validation.masked import without_mask

__all__ = ['measure_morphology']

# The examples need an optional package.
__doctest_requires__ = {'*': ['statmorph']}

#: Stamps that a process measures at a time, within a few seconds.
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
    Measure the morphology of the galaxy in each stamp with statmorph.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Stamps, the path of a store, or anything else that `~astro_wgan.store.as_stamps` accepts.
        Their uncertainty, if they have one, is used as statmorph's weight map.
    target : {'central', 'all'}, optional
        Measure the central source, with its neighbors masked, or all sources of the stamp as one.
        The central source is the one with the pixel closest to the center of the stamp, within an
        eighth of the stamp's edge.
    segmentation : `~astro_wgan.detection.DetectionConfig` or array_like of int, optional
        Detection settings, as in `~astro_wgan.sources.segment_stamps`; or segmentation images,
        0 for the background, shape (n, ny, nx).
    background : float, array_like or `~astropy.units.Quantity`, optional
        Background level, if known; 0 if it has been subtracted. As in
        `~astro_wgan.sources.measure_sources`. By default, it is measured in each stamp, where it
        includes the wings of a large galaxy in a small stamp.
    subtract_background : bool, optional
        Subtract the background before the measurement. It is always subtracted for the detection
        of sources.
    gain : float, optional
        Electrons per unit of the pixels, for the weight map of stamps without uncertainty. By
        default, the weight map is the background noise.
    psf : array_like, optional
        PSF with which the Sersic model is convolved; by default that of the band or of the stamps,
        if they have one. Only with ``sersic``.
    sersic : bool, optional
        Fit a Sersic model. This takes little time, but up to a third of the total with a large
        PSF.
    band : str, int or list of them, optional
        Name or number of the band to measure, or of several bands; all by default. Each band is
        measured by itself, in its own segment.
    statmorph_options : dict, optional
        Further arguments of ``statmorph.SourceMorphology``, such as ``{'petro_extent_cas': 2}``.
    processes : int, optional
        Number of processes, including this one.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster to use instead of local processes.
    progress : bool, optional
        Show a progress line.
    output : path-like, optional
        File that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused. Of several bands each has a file, with
        its name at the end.

    Returns
    -------
    `~astropy.table.QTable`
        A row for each stamp, in the same order. Names of statmorph are given in parentheses where
        they differ.

        * ``id`` of the stamp;
        * ``concentration``, ``asymmetry``, ``smoothness``, ``gini``, ``m20``,
          ``gini_m20_bulge``, ``gini_m20_merger``, ``multimode``, ``intensity``, ``deviation``,
          ``outer_asymmetry`` and ``shape_asymmetry``;
        * ``half_light_radius`` (rhalf_ellip) and ``petrosian_radius`` (rpetro_ellip), semi-major
          axes of ellipses;
        * ``axis_ratio`` (1 - ellipticity_asymmetry) and ``orientation`` (orientation_asymmetry, in
          radians there) of these ellipses, the latter in degrees counterclockwise from the +x
          axis; ``xc_asymmetry`` and ``yc_asymmetry``, their center in the stamp;
        * ``petrosian_flux`` (flux_ellip), sum of pixels within two Petrosian radii, times their
          solid angle for surface brightness;
        * ``signal_to_noise`` (sn_per_pixel), mean per pixel;
        * ``sky_mean`` and ``sky_rms`` (sky_sigma);
        * ``sersic_index`` (sersic_n), ``sersic_radius`` (sersic_rhalf), ``sersic_axis_ratio``
          (1 - sersic_ellip), ``sersic_orientation`` (sersic_theta), ``sersic_amplitude`` (at the
          half-light radius) and ``sersic_chi2_dof`` of the fit;
        * ``flag`` and ``flag_sersic``: 0 good, 1 suspect, 2 bad, 4 nothing measured;
        * ``touches_border``, whether the segment of the galaxy reaches the edge of the stamp;
        * ``status``, ``'measured'`` or the reason for the failure.
          ``'measured without smoothness: ...'`` is the status of galaxies that are too small:
          smoothness is measured with a box of a quarter of the Petrosian radius, and a box of one
          pixel has no effect;
        * ``warnings`` of statmorph;
        * ``stamp_filled``, whether light of the galaxy was subtracted as background, as with
          `~astro_wgan.sources.SourceFlag.STAMP_FILLED`.

        Failed measurements are NaN. Lengths are in pixels. If the pixel scale is known, there are
        also ``half_light_radius_arcsec``, ``petrosian_radius_arcsec`` and
        ``sersic_radius_arcsec``. ``meta`` has the provenance and the count of each status.

        With several bands, all of these columns but ``id`` end in the name of their band, such
        as ``gini_r``, ``status`` is ``'measured'`` if all bands are, or else says which are not,
        and ``meta`` has that of each band by its name.

    Raises
    ------
    ImportError
        If statmorph is not installed.
    ValueError
        If an argument is out of range, there is a ``psf`` without ``sersic``, or ``output`` holds
        results of other work, or is damaged.

    Notes
    -----
    Margalef-Bentabol et al. 2020 (section 4.1) apply k-means to concentration, asymmetry,
    smoothness (clumpiness), Gini and M20. Definitions: Lotz et al. 2004 (AJ 128, 163),
    Conselice 2003 (ApJS 147, 1), Freeman et al. 2013 (MNRAS 434, 282), Pawlik et al. 2016 (MNRAS
    456, 3032). Code: Rodriguez-Gomez et al. 2019 (MNRAS 483, 4140).

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
    if psf is not None and not sersic:
        raise ValueError('`psf` is for the Sersic model: set `sersic` to True, or leave it out.')
    numbers = checked_bands(band, stamps)
    options = {
        'target': target,
        'segmentation': segmentation,
        'background': background,
        'subtract_background': subtract_background,
        'gain': gain,
        'psf': psf,
        'sersic': sersic,
        'statmorph_options': _checked_options(statmorph_options or {}, statmorph),
        'processes': processes,
        'client': client,
        'progress': progress,
    }
    if len(numbers) == 1:
        return _measure_band(stamps, numbers[0], output=output, **options)
    tables = {}
    for number in numbers:
        name = stamps.bands[number].name
        own = None if output is None else _output_of_band(output, name)
        tables[name] = _measure_band(stamps, number, output=own, **options)
    return _joined_tables(tables)


def _measure_band(
    stamps,
    band,
    *,
    target,
    segmentation,
    background,
    subtract_background,
    gain,
    psf,
    sersic,
    statmorph_options,
    processes,
    client,
    progress,
    output,
):
    own = stamps.psf
    if band is not None and stamps.bands[band].psf is not None:
        own = stamps.bands[band].psf
    settings = Settings(
        target=target,
        detection=segmentation if isinstance(segmentation, DetectionConfig) else DetectionConfig(),
        subtract_background=subtract_background,
        gain=gain,
        psf=_checked_psf(own if psf is None else psf),
        sersic=sersic,
        band=band,
        statmorph_options=statmorph_options,
    )
    background = as_background(background, stamps, settings.detection)
    labels = _checked_labels(segmentation, (len(stamps), *stamps.shape))
    check_workers(processes, client)
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


def _output_of_band(output, name):
    """The file of a band, beside that which is given: ``shapes.npz`` becomes ``shapes_r.npz``."""
    output = Path(output)
    return output.with_name(f'{output.stem}_{quote(name, safe="")}{output.suffix}')


def _joined_tables(tables):
    first = next(iter(tables.values()))
    joined = first[['id']]
    joined['status'] = _joint_status({band: table['status'] for band, table in tables.items()})
    for band, table in tables.items():
        for name in table.colnames[1:]:
            joined[f'{name}_{band}'] = table[name]
    joined.meta = {
        key: {band: table.meta[key] for band, table in tables.items()}
        for key in ('morphology', 'status')
    }
    joined.meta['provenance'] = first.meta['provenance']
    return joined


def _joint_status(statuses):
    """``'measured'``, or the bands that are not, with their reasons."""
    rows = zip(*(status.tolist() for status in statuses.values()), strict=True)
    texts = [
        '; '.join(
            f'{band}: {text}'
            for band, text in zip(statuses, row, strict=True)
            if text != 'measured'
        )
        for row in rows
    ]
    return np.array([text or 'measured' for text in texts], dtype=str)


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
            '`segmentation` must be a DetectionConfig, or non-negative integers of shape '
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
