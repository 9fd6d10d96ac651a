"""`measure_sources`: every source of a set of stamps, and what each stamp's neighbors are like."""

from collections import deque
from functools import partial

import numpy as np

from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.sources.batch import batch_rows, checked_band, read_batch
from astro_wgan.sources.catalog import photometry_tables, sky_columns
from astro_wgan.sources.engine import Settings, measure_batch
from astro_wgan.sources.zero_points import as_background, as_zero_point, value_in
from astro_wgan.store.stamp_inputs import as_stamps
from astro_wgan.units.pixel_flux import pixel_flux

__all__ = ['measure_sources']

#: Increased when columns have other values than before, so that former results are not continued.
_FORMAT = 4


def measure_sources(
    stamps,
    *,
    detection=None,
    background=None,
    positions=None,
    size=64,
    band=None,
    zero_point=None,
    saturation=None,
    engine='sep',
    processes=1,
    client=None,
    progress=True,
    output=None,
):
    """
    Find the sources of each stamp and measure them as SExtractor does.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        The images, or the path of a store of them; or one or a list of
        `~astropy.nddata.Cutout2D`, `~astropy.nddata.CCDData` or `~astropy.nddata.NDData`, each a
        stamp. Mask and uncertainty are used where there are any.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        How sources are told from the sky.
    background : float, array_like, `~astropy.units.Quantity` or `~astropy.nddata.NDData`, optional
        Level of the sky where it is known, 0 where it has been subtracted: one number for all
        stamps, or for each, shape (n,); or an image, for all (ny, nx), for each (n, ny, nx), or,
        with ``positions``, of the shape of the image. Pixels in which it is masked or NaN are not
        used. Without it, it is what ``detection``
        states, or measured in each stamp, of which a large galaxy leaves too little for that.
    positions : array_like, SkyCoord, Table or regions, optional
        Where ``stamps`` is an image or its path: measure stamps around these positions; as in
        `~astro_wgan.StampSet.from_image`. Those outside of the image have a row that says so.
    size : int or tuple of int, optional
        Pixels along the edge of those stamps.
    band : int, optional
        Which band to measure; needed where there are several.
    zero_point : `~astropy.units.Quantity` or float, optional
        AB magnitude of a flux of 1 in the unit of the pixels, or of the fluxes where pixels hold
        surface brightness. Not needed where that unit is one of flux density, such as nJy, or of
        maggies.
    saturation : `~astropy.units.Quantity` or float, optional
        Sources with pixels of at least this value are flagged.
    engine : {'sep', 'photutils'}, optional
        What detects, deblends and measures. photutils takes some twenty times longer.
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
    `~astro_wgan.sources.StampCatalog`
        With two tables: ``sources`` has a row for each source, ``stamps`` one for each stamp.

    Raises
    ------
    ValueError
        If an argument is out of range, or ``output`` holds results of other work, or is damaged.
    astropy.units.UnitsError
        If pixels hold no flux, such as temperatures or magnitudes, or a surface brightness of
        which the solid angle of a pixel, or the beam, is not known.
    TypeError
        If ``stamps`` is of no known kind.

    Notes
    -----
    Surface brightness, such as MJy / sr, is multiplied by the solid angle that a pixel has where
    the source or stamp is, and flux per beam by the pixel's share of the Gaussian beam of the
    header (BMAJ, BMIN): all fluxes, ``background`` and ``noise_rms`` included, are fluxes per
    pixel. Flux densities per steradian become nJy.

    Detection, deblending and shapes are SEP's (Barbary 2016, JOSS 1, 58), whose code comes from
    SExtractor (Bertin & Arnouts 1996, A&AS 117, 393). Kron fluxes and half-light radii are
    measured as SExtractor's FLUX_AUTO and FLUX_RADIUS, with pixels of neighbors replaced by those
    on the opposite side of the source. Each stamp is an image of its own: what lies next to it in
    the set changes nothing. The errors are those of the noise (or of the given uncertainty); the
    noise of the sky does not contain the Poisson noise of the sources.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.sources import measure_sources
    >>> image = datasets.load_image('mock_f814w')
    >>> found = measure_sources(image, positions=[(143, 181)], size=64, progress=False)
    >>> found
    <StampCatalog: 3 sources in 1 stamps>
    >>> row = found.stamps[0]
    >>> int(row['n_neighbors']), str(row['companion_class']), row['flux_ratio'].round(1)
    (2, '>2', np.float64(31.2))
    """
    stamps = as_stamps(stamps, positions=positions, size=size, outside='keep')
    band = checked_band(band, stamps.bands)
    detection = DetectionConfig() if detection is None else detection
    background = as_background(background, stamps, detection, from_image=positions is not None)
    settings = Settings(
        detection=detection,
        engine=engine,
        saturation=value_in(saturation, stamps.unit, 'saturation'),
        background_stated=background is not None or detection.background is not None,
    )
    flux = pixel_flux(stamps)
    zero_point = as_zero_point(zero_point, stamps, flux.unit)
    if processes < 1:
        raise ValueError(f'`processes` must be at least 1; got {processes}.')
    fingerprint = None if output is None else _fingerprint(stamps, background, band, settings)
    total = len(stamps)
    with (
        ResumeFile(output, fingerprint, total=total) as kept,
        ProgressLine('sources', quiet=not progress) as line,
    ):
        line.update(len(kept) / max(1, total), f'{len(kept)} of {total} stamps')
        workers = {'processes': processes, 'client': client}
        batches = _batches(stamps, background, band, settings, workers, first=len(kept))
        for sources, columns in batches:
            kept.append(columns, sources=sources)
            line.update(len(kept) / max(1, total), f'{len(kept)} of {total} stamps')
    sources, columns = kept.columns('sources'), kept.columns()
    if positions is not None:
        outside = stamps.geometry.outside(stamps.shape)
        columns['status'] = np.where(outside, 'outside the image', columns['status'])
    return photometry_tables(stamps, sources, columns, settings, flux, zero_point)


def _batches(stamps, background, band, settings, workers, *, first):
    """Columns of the sources and of the stamps of each batch, from a stamp on."""
    batches = batch_rows(stamps, first=first)
    # Results come in the order of the batches: what is read when a batch is handed out is needed
    # again when its result comes.
    geometries = deque()

    def read():
        for rows in batches:
            part = stamps[rows]
            geometries.append(part.geometry)
            level = None if background is None else background[rows]
            yield read_batch(part, band, level)

    measured = ordered_map(partial(measure_batch, settings=settings), read(), **workers)
    for rows, (sources, columns) in zip(batches, measured, strict=True):
        sources = {**sources, **sky_columns(sources, geometries.popleft())}
        yield sources | {'stamp': sources['stamp'] + rows.start}, columns


def _fingerprint(stamps, background, band, settings):
    work = describe_settings({**vars(settings), 'background': background, 'band': band})
    work['format of columns'] = _FORMAT
    return Fingerprint({'stamps': describe_stamps(stamps), 'settings': work})
