"""The field of a hunt: what is read of its images, and a stamp at each source or position."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike

from astropy import units as u

from astro_wgan.astrometry.stamp_geometry import scale_of_image
from astro_wgan.catalogs.parquet.catalog_reading import is_catalog
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.datasets.images import credit_of_file
from astro_wgan.hunting.band_images import images_by_band
from astro_wgan.hunting.hunt_config import HuntConfig
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.images import read_image
from astro_wgan.images.read_options import check_options_of_bands, options_of_band
from astro_wgan.images.reading import describe_image
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.remote.uris import shown
from astro_wgan.stamps import StampSet
from astro_wgan.store.writable import check_writable
from astro_wgan.validation.pixels import as_shape

__all__ = ['Field', 'read_field']

#: Cards of `meta` of an image that say what was read of its file, by their names in a summary.
_CARDS = {
    'layout': 'LAYOUT',
    'image': 'HDU',
    'mask': 'HDUMASK',
    'weight': 'HDUWHT',
    'uncertainty': 'HDUUNC',
    'left_out': 'HDULEFT',
    'missing': 'HDUMISS',
}


@dataclass(frozen=True, eq=False)
class Field:
    """
    Stamps of a field, and what they were cut from.

    Attributes
    ----------
    stamps : `~astro_wgan.StampSet`
    config : `CutConfig` or `HuntConfig`
        As given, with a size in pixels.
    images : list of dict
        Of each image its band, its source, and the extensions that were read.
    credit : str or None
        Whom to thank for the image.
    origin : {'lower', 'upper'}
        Where the first row of the image is shown.
    """

    stamps: StampSet
    config: HuntConfig
    images: list
    credit: str | None
    origin: str


def read_field(image, config, *, bands, positions, progress, outside='refuse', **reading):
    """
    Read an image, or one for each band, and cut a stamp at each source or position.

    Parameters
    ----------
    image, bands, positions, progress
        As in `~astro_wgan.hunt`.
    config : `CutConfig`
        Of a `HuntConfig`, the size must be that of a network.
    outside : {'refuse', 'keep'}, optional
        Stamps that lie entirely outside the image, as in `~astro_wgan.StampSet.from_image`.
    **reading
        Options of `~astro_wgan.images.read_image`; dictionaries hold a value for each band.

    Returns
    -------
    Field

    Raises
    ------
    ValueError
        If images or positions cannot be used, or there is no stamp.
    """
    where = {name: reading[name] for name in ('hdu', 'max_size', 'remote') if name in reading}
    sources = images_by_band(image, bands, **where)
    if sources is None and config.detect_in is not None:
        raise ValueError(f'`detect_in` is for several bands; got one image, {config.detect_in!r}.')
    check_options_of_bands(reading, [getattr(band, 'name', band) for band in sources or ()])
    if isinstance(positions, (str, PathLike)) and not is_catalog(positions):
        positions = read_table(positions)
    n_positions = None if positions is None or is_catalog(positions) else _count(positions)
    making = StampMaking.of(config)
    making.check_bands(len(sources or ()))
    images, told = {}, []
    what = 'detecting' if positions is None else 'cutting'
    with ProgressLine(what, quiet=not progress) as line:
        line.update(0.0)
        for band, source in ({None: image} if sources is None else sources).items():
            name = getattr(band, 'name', band)
            how = options_of_band(reading, name)
            if isinstance(source, tuple):
                source, how['plane'] = source
            ccd = read_image(source, **how)
            for text in describe_image(ccd):
                line.note(text if band is None else f'{name}: {text}')
            told.append({} if band is None else {'band': name})
            told[-1] |= {'source': _name_of(source), **_what_was_read(ccd.meta)}
            if isinstance(source, (str, PathLike)) and (credit := credit_of_file(source)):
                ccd.meta['credit'] = credit
            images[band] = making.without_sky(ccd)
        first = next(iter(images.values()))
        # Stamps have the pixels of the image in which sources are detected.
        config = _with_size_in_pixels(config, images.get(config.detect_in, first))
        stamps = _cut(first if sources is None else images, config, positions, outside)
        if n_positions is not None and len(stamps) < n_positions:
            line.note(
                f'left out: {n_positions - len(stamps):,} of {n_positions:,} positions, whose '
                'stamps do not lie inside of the image'
            )
        line.update(1.0, f'{len(stamps):,} stamps of {config.size} x {config.size} pixels')
    check_writable(stamps)
    return Field(
        stamps, config, told, _credit([ccd.meta for ccd in images.values()]), _first_row(first.meta)
    )


def _count(positions):
    """The number of positions, where it is known: a dictionary has columns."""
    if isinstance(positions, Mapping) or not getattr(positions, 'shape', True):
        return None
    count = len(positions)
    if not count:
        raise ValueError('`positions` must hold at least one position; got none.')
    return count


def _with_size_in_pixels(config, ccd):
    """A configuration whose size is not an angle."""
    if not hasattr(config.size, 'unit'):
        return config
    from astro_wgan.wgan.config.network_config import SIZES

    scale = scale_of_image(ccd.shape, ccd.wcs)
    if scale is None:
        raise ValueError(
            f'`size` must be in pixels for an image without celestial WCS; got {config.size}.'
        )
    pixels, _ = as_shape(config.size, pixel_scale=scale)
    if isinstance(config, HuntConfig) and pixels not in SIZES:
        angles = ', '.join(f'{(n * u.pix * scale).to(config.size.unit):.4g}' for n in SIZES)
        raise ValueError(
            f'`size` must be that of a network, with pixels of {scale:.4g} one of {angles}; got '
            f'{config.size}, {pixels} pixels.'
        )
    return replace(config, size=pixels)


def _cut(images, config, positions, outside):
    """Stamps of one image, or of a dictionary of images by band."""
    making = StampMaking.of(config)
    options = {'size': config.size, 'positions': positions, 'partial': config.partial}
    options['outside'] = outside
    is_used = positions is None or making.is_searched
    options['detection'] = making.detection_of_cutting if is_used else None
    options |= making.options
    if isinstance(images, Mapping):
        stamps = StampSet.from_images(images, detect_in=config.detect_in, **options)
    else:
        stamps = StampSet.from_image(images, **options)
    if not len(stamps):
        raise ValueError(
            f'No stamp of {config.size} x {config.size} pixels lies completely inside the image: '
            "use a smaller `size`, or partial='fill'."
        )
    making.record_in(stamps.meta)
    return stamps


def _what_was_read(meta):
    return {name: str(meta[card]) for name, card in _CARDS.items() if card in meta}


# ``meta`` of an image holds the cards of its header, in which ORIGIN is an institute and CREDIT may
# be a number.
def _first_row(meta):
    """'upper' only for a picture, for which `read_image` sets it."""
    return 'upper' if meta.get('origin') == 'upper' else 'lower'


def _credit(metas):
    """Whom the images say to thank, each once."""
    found = [meta.get('credit') for meta in metas]
    found = [credit for credit in found if isinstance(credit, str) and credit.strip()]
    return ' '.join(dict.fromkeys(found)) or None


def _name_of(image):
    return shown(image) if isinstance(image, (str, PathLike)) else 'array'
