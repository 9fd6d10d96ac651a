"""`measure_sources`: detection and photometry of all sources in stamps."""

from collections import deque
from dataclasses import dataclass
from functools import partial

import numpy as np

from astro_wgan.bands.band import band_number, names_of
from astro_wgan.detection.detection_config import DetectionConfig
from astro_wgan.jobs import Fingerprint, describe_settings, describe_stamps
from astro_wgan.jobs.parallel import check_workers, ordered_map
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.resume import ResumeFile
from astro_wgan.sources.batch import BandBatches, batch_rows, checked_bands, read_batch
from astro_wgan.sources.catalog import photometry_tables, sky_columns
from astro_wgan.sources.engine import Settings, measure_batch
from astro_wgan.sources.multiband.band_catalog import band_tables, check_column_names
from astro_wgan.sources.multiband.forced_photometry import CHI_SQUARED
from astro_wgan.sources.zero_points import as_background, as_zero_points, value_in
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
    size=None,
    band=None,
    detect_in=None,
    zero_point=None,
    saturation=None,
    engine='sep',
    processes=1,
    client=None,
    progress=True,
    output=None,
):
    """
    Detect the sources of each stamp and measure them as SExtractor does.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Stamps, or the path of a store; or one or a list of `~astropy.nddata.Cutout2D`,
        `~astropy.nddata.CCDData` or `~astropy.nddata.NDData`, each a stamp. Masks and uncertainties
        are used.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Detection settings.
    background : float, array_like, `~astropy.units.Quantity` or `~astropy.nddata.NDData`, optional
        Background level, if known; 0 if it has been subtracted. One number for all stamps, or
        one for each, shape (n,); or an image for all, shape (ny, nx), for each, shape (n, ny, nx),
        or, with ``positions``, of the shape of the image. Pixels where it is masked or NaN are
        excluded. By default, it is that of ``detection``, or measured in each stamp, which is
        inaccurate if a large galaxy fills the stamp.
    positions : array_like, SkyCoord, Table or regions, optional
        Positions of stamps to measure if ``stamps`` is an image or its path, as in
        `~astro_wgan.StampSet.from_image`. Those outside of the image have a ``status`` that says
        so.
    size : int, tuple of int or `~astropy.units.Quantity`, optional
        Edge of these stamps in pixels, by default 64; only with ``positions``.
    band : str, int or list of them, optional
        Name or number of the band to measure, or of several bands; all by default. Several are
        measured in the same apertures, and have colors.
    detect_in : str or int, optional
        Band in which sources are detected, the first of those that are measured by default; or
        ``'chi2'``, for the chi-squared image of all of these (Szalay et al. 1999, AJ 117, 68).
    zero_point : `~astropy.units.Quantity`, float or dict, optional
        AB magnitude of a flux of 1 in the unit of the pixels, or of the fluxes if pixels hold
        surface brightness; or one for each band, by its name. By default that of each band. Not
        needed for units of flux density, such as nJy, and maggies.
    saturation : `~astropy.units.Quantity` or float, optional
        Sources with pixels of at least this value are flagged.
    engine : {'sep', 'photutils'}, optional
        Library that detects, deblends and measures. photutils is about twenty times slower.
    processes : int, optional
        Number of processes, including this one.
    client : `dask.distributed.Client` or 'current', optional
        Dask cluster to use instead of local processes.
    progress : bool, optional
        Show a progress line.
    output : path-like, optional
        File that keeps the results. An interrupted call that is repeated with the same arguments
        goes on from it; results of other work are refused.

    Returns
    -------
    `~astro_wgan.sources.StampCatalog`
        Two tables: ``sources`` with a row for each source, ``stamps`` with one for each stamp.
        With several bands, columns without the name of a band are those of the detection; of
        sources detected in ``'chi2'`` these have no fluxes.

    Raises
    ------
    ValueError
        If an argument is out of range, there is a ``size`` without ``positions``, names of bands
        make two columns of one name, or ``output`` holds results of other work, or is damaged.
    astropy.units.UnitsError
        If pixels hold no flux, but temperatures or magnitudes, for example; or a surface
        brightness without known solid angle of a pixel, or beam.
    TypeError
        If ``stamps`` has an unknown type.

    Notes
    -----
    Surface brightness, such as MJy / sr, is multiplied by the solid angle of a pixel at the source
    or stamp, and flux per beam by the pixel's fraction of the Gaussian beam of the header (BMAJ,
    BMIN): all fluxes, ``background`` and ``noise_rms`` included, are fluxes per
    pixel. Flux densities per steradian become nJy.

    Detection, deblending and shapes are those of SEP (Barbary 2016, JOSS 1, 58), which is based on
    the code of SExtractor (Bertin & Arnouts 1996, A&AS 117, 393). Kron fluxes and half-light radii
    are measured like SExtractor's FLUX_AUTO and FLUX_RADIUS, with pixels of neighbors replaced by
    those on the opposite side of the source. The result for a stamp is independent of the other
    stamps. Errors follow from the background noise, or from the given uncertainty; the former does
    not include the Poisson noise of the sources.

    Several bands are measured as by SExtractor with two images: positions, shapes, Kron radii and
    segments are those of the detection, sky and noise are those of each band. The aperture is the
    same in all bands, which have colors of the same light only if they have the same PSF
    (``match_psf`` of `~astro_wgan.StampSet.from_images`). The error of a color is that of two
    independent magnitudes, 2.5 / ln 10 times the root of the summed squares of the relative
    errors of both fluxes; a color is NaN where a flux is not above 0.

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
    outside = None if positions is None else 'keep'
    stamps = as_stamps(stamps, positions=positions, size=size, outside=outside)
    numbers = checked_bands(band, stamps)
    bands = _Bands.of(numbers, detect_in, stamps)
    detection = DetectionConfig() if detection is None else detection
    background = as_background(background, stamps, detection, from_image=positions is not None)
    settings = Settings(
        detection=detection,
        engine=engine,
        saturation=value_in(saturation, stamps.unit, 'saturation'),
        background_stated=background is not None or detection.background is not None,
    )
    flux = pixel_flux(stamps)
    chosen = bands.to_measure
    zero_points = as_zero_points(zero_point, stamps, chosen, flux.unit)
    check_workers(processes, client)
    fingerprint = None if output is None else _fingerprint(stamps, background, bands, settings)
    total = len(stamps)
    with (
        ResumeFile(output, fingerprint, total=total) as kept,
        ProgressLine('sources', quiet=not progress) as line,
    ):
        line.update(len(kept) / max(1, total), f'{len(kept)} of {total} stamps')
        workers = {'processes': processes, 'client': client}
        batches = _batches(stamps, background, bands, settings, workers, first=len(kept))
        for sources, columns in batches:
            kept.append(columns, sources=sources)
            line.update(len(kept) / max(1, total), f'{len(kept)} of {total} stamps')
    sources, columns = kept.columns('sources'), kept.columns()
    if positions is not None:
        outside = stamps.geometry.outside(stamps.shape)
        columns['status'] = np.where(outside, 'outside the image', columns['status'])
    if not bands.several:
        return photometry_tables(stamps, sources, columns, settings, flux, *zero_points.values())
    return band_tables(stamps, sources, columns, settings, flux, bands, zero_points)


@dataclass(frozen=True)
class _Bands:
    """
    Numbers and names of the bands to measure, and number of that to detect in.

    The numbers of plain images are ``(None,)``; sources are detected in the chi-squared image if
    ``detect_in`` is ``'chi2'``.
    """

    numbers: tuple
    names: tuple
    detect_in: int | str | None
    several: bool

    @classmethod
    def of(cls, numbers, detect_in, stamps):
        if numbers == [None]:
            if detect_in is not None:
                raise ValueError(
                    f'`detect_in` is for stamps of several bands; got {detect_in!r} for plain '
                    'images.'
                )
            return cls((None,), ('',), None, several=False)
        all_names = names_of(stamps.bands)
        names = tuple(all_names[number] for number in numbers)
        if len(names) > 1:
            check_column_names(names)
        if isinstance(detect_in, str) and detect_in == CHI_SQUARED:
            if CHI_SQUARED in all_names:
                raise ValueError(
                    f"'{CHI_SQUARED}' is all bands for `detect_in`: call the band otherwise."
                )
            return cls(tuple(numbers), names, CHI_SQUARED, several=True)
        chosen = numbers[0]
        if detect_in is not None:
            chosen = band_number(detect_in, stamps.bands, 'detect_in')
        several = len(numbers) > 1 or chosen != numbers[0]
        return cls(tuple(numbers), names, chosen, several)

    @property
    def to_measure(self):
        """Numbers of the bands, including that to detect in."""
        others = (self.detect_in,) if isinstance(self.detect_in, int) else ()
        return list(dict.fromkeys((*self.numbers, *others)))

    def read(self, part, background):
        """Stamps as a `Batch`, or as `BandBatches`."""
        if not self.several:
            return read_batch(part, self.numbers[0], background)
        batches = tuple(read_batch(part, number, background) for number in self.numbers)
        if self.detect_in == CHI_SQUARED:
            return BandBatches(batches, None)
        if self.detect_in in self.numbers:
            return BandBatches(batches, batches[self.numbers.index(self.detect_in)])
        return BandBatches(batches, read_batch(part, self.detect_in, background))


def _batches(stamps, background, bands, settings, workers, *, first):
    """Yield columns of the sources and of the stamps of each batch, starting at a stamp."""
    batches = batch_rows(stamps, first=first)
    # Geometries of batches that are being measured. Results are returned in order.
    geometries = deque()

    def read():
        for rows in batches:
            part = stamps[rows]
            geometries.append(part.geometry)
            level = None if background is None else background[rows]
            yield bands.read(part, level)

    measured = ordered_map(partial(measure_batch, settings=settings), read(), **workers)
    for rows, (sources, columns) in zip(batches, measured, strict=True):
        sources = {**sources, **sky_columns(sources, geometries.popleft())}
        yield sources | {'stamp': sources['stamp'] + rows.start}, columns


def _fingerprint(stamps, background, bands, settings):
    measured = {'band': bands.numbers[0]}
    if bands.several:
        measured = {'band': list(bands.numbers), 'detect_in': bands.detect_in}
    work = describe_settings({**vars(settings), 'background': background, **measured})
    work['format of columns'] = _FORMAT
    return Fingerprint({'stamps': describe_stamps(stamps), 'settings': work})
