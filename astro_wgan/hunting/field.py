"""The field of a hunt: what is read of its image, and a stamp at each source or position."""

from dataclasses import dataclass, replace
from os import PathLike

from astro_wgan.astrometry.stamp_geometry import scale_of_image
from astro_wgan.catalogs.table_files import read_table
from astro_wgan.detection.tiled_detection import measure_background
from astro_wgan.hunting.hunt_config import HuntConfig
from astro_wgan.images import read_image
from astro_wgan.images.reading import describe_image
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.stamps import StampSet
from astro_wgan.store.writable import check_writable
from astro_wgan.validation.pixels import as_shape

__all__ = ['Field', 'read_field']

#: Cards of `meta` of an image that say what was read of its file, by their names in a summary.
_CARDS = {
    'image': 'HDU',
    'mask': 'HDUMASK',
    'weight': 'HDUWHT',
    'uncertainty': 'HDUUNC',
    'left_out': 'HDULEFT',
}


@dataclass(frozen=True, eq=False)
class Field:
    """
    Stamps of a field, and what they were cut from.

    Attributes
    ----------
    stamps : `~astro_wgan.StampSet`
    config : `~astro_wgan.HuntConfig`
        Its size is in pixels.
    images : list of dict
        Of each image its source, and the extensions that were read.
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


def read_field(image, config, *, positions, progress, **reading):
    """
    Read an image, and cut a stamp at each source or position.

    Parameters
    ----------
    image, config, positions, progress
        As in `~astro_wgan.hunt`.
    **reading
        Options of `~astro_wgan.images.read_image`.

    Returns
    -------
    Field

    Raises
    ------
    ValueError
        If image or positions cannot be used, or there is no stamp.
    """
    if isinstance(positions, (str, PathLike)):
        positions = read_table(positions)
    with ProgressLine('detecting', quiet=not progress) as line:
        line.update(0.0)
        ccd = read_image(image, **reading)
        for text in describe_image(ccd):
            line.note(text)
        config = _with_size_in_pixels(config, ccd)
        stamps = _cut(_with_sky(ccd, config), config, positions)
        line.update(1.0, f'{len(stamps)} stamps of {config.size} x {config.size} pixels')
    check_writable(stamps)
    images = [{'source': _name_of(image), **_what_was_read(ccd.meta)}]
    return Field(stamps, config, images, _credit(ccd.meta), _first_row(ccd.meta))


def _with_size_in_pixels(config, ccd):
    """A configuration whose size is not an angle."""
    if not hasattr(config.size, 'unit'):
        return config
    from astro_wgan.wgan import NetworkConfig

    scale = scale_of_image(ccd.shape, ccd.wcs)
    pixels, columns = as_shape(config.size, pixel_scale=scale)
    if pixels != columns:
        raise ValueError(f'`size` of the configuration must be one angle; got {config.size}.')
    try:
        NetworkConfig.preset(config.preset, size=pixels)
    except ValueError as error:
        raise ValueError(
            f'`size` of {config.size} is {pixels} pixels of {scale}. {error}'
        ) from error
    return replace(config, size=pixels)


def _with_sky(ccd, config):
    """The image, without its background if that is to be subtracted."""
    if config.sky == 'keep':
        return ccd
    level = measure_background(ccd.data, mask=ccd.mask, detection=config.detection)
    ccd = ccd.copy()
    ccd.data = ccd.data - level
    return ccd


def _cut(ccd, config, positions):
    detection = config.detection
    if config.sky == 'subtract':
        detection = replace(detection, background=0.0)
    stamps = StampSet.from_image(
        ccd,
        size=config.size,
        positions=positions,
        detection=detection if positions is None else None,
        partial=config.partial,
    )
    if not len(stamps):
        raise ValueError(
            f'No stamp of {config.size} x {config.size} pixels lies completely inside the image: '
            "use a smaller `size`, or partial='fill'."
        )
    return stamps


def _what_was_read(meta):
    return {name: str(meta[card]) for name, card in _CARDS.items() if card in meta}


# ``meta`` of an image holds the cards of its header, in which ORIGIN is an institute and CREDIT may
# be a number.
def _first_row(meta):
    """'upper' only for a picture, for which `read_image` sets it."""
    return 'upper' if meta.get('origin') == 'upper' else 'lower'


def _credit(meta):
    credit = meta.get('credit')
    return credit if isinstance(credit, str) and credit.strip() else None


def _name_of(image):
    return str(image) if isinstance(image, (str, PathLike)) else 'array'
