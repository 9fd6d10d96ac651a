"""`StampMaking`: how the stamps that a model is trained on are made, and others like them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from astro_wgan.cutouts.bands.detection_in_bands import CHI_SQUARED
from astro_wgan.cutouts.resampled.source_scale import as_source_scale, is_measured
from astro_wgan.detection import DetectionConfig
from astro_wgan.detection.tiled_detection import measure_background
from astro_wgan.exceptions import DamagedFileError
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.neighbors.neighbor_config import as_neighbor_config
from astro_wgan.stamps import SourceScale

__all__ = ['SKY', 'WORTH_A_STAMP', 'StampMaking', 'making_of_model', 'making_of_stamps']

#: Sources around which stamps are cut. Stamps of fainter or smaller ones are dominated by noise.
WORTH_A_STAMP = DetectionConfig(2.5, min_area=40)

_KEEP = NeighborConfig('keep')

#: Threshold at which neighbors and stars are detected, in units of the noise.
_FAINT = 1.5

#: What can be done with the sky.
SKY = ('keep', 'subtract')

#: Under these names the provenance of a model and `meta` of stamps say how stamps were made.
_OF_MODEL, _OF_STAMPS = 'hunt', 'making'


@dataclass(frozen=True)
class StampMaking:
    """
    How stamps are made.

    Parameters
    ----------
    scale : `~astro_wgan.stamps.SourceScale` or None
    detect_in : str or None
        Band in which sources are detected, and whose pixels stamps have; ``'chi2'`` for all bands.
    sky : {'keep', 'subtract'}
    neighbors : `~astro_wgan.neighbors.NeighborConfig`
        Stars, too.
    detection : `~astro_wgan.detection.DetectionConfig`
        By which sources are detected, radii and the background measured, and, fainter ones,
        neighbors found.

    Raises
    ------
    ValueError
        If ``sky`` is something else.

    Examples
    --------
    >>> from astro_wgan.hunting.stamp_making import StampMaking
    >>> making = StampMaking().changed(neighbors='mask')
    >>> making.removal.neighbors, making.removal.detection.threshold
    ('mask', 1.5)
    """

    scale: SourceScale | None = None
    detect_in: str | None = None
    sky: str = 'keep'
    neighbors: NeighborConfig = _KEEP
    detection: DetectionConfig = WORTH_A_STAMP

    def __post_init__(self):
        if self.sky not in SKY:
            raise ValueError(f'`sky` must be {" or ".join(map(repr, SKY))}; got {self.sky!r}.')

    @classmethod
    def of(cls, config):
        """That of a `~astro_wgan.HuntConfig`."""
        names = ('scale', 'detect_in', 'sky', 'neighbors', 'stars', 'detection')
        return cls().changed(**{name: getattr(config, name) for name in names})

    def changed(self, *, neighbors=None, stars=None, **others):
        """
        The same with other settings.

        Parameters
        ----------
        neighbors, stars, scale, detect_in, sky, detection : optional
            As of `~astro_wgan.HuntConfig`; None for what stays as it is.

        Returns
        -------
        StampMaking

        Raises
        ------
        ValueError
            If a value is none of those allowed.
        """
        others = {name: value for name, value in others.items() if value is not None}
        if 'scale' in others:
            others['scale'] = as_source_scale(others['scale'])
        removal = self.neighbors
        if isinstance(neighbors, NeighborConfig):
            removal = as_neighbor_config(neighbors, 'keep' if stars is None else stars)
        else:
            given = {'neighbors': neighbors, 'stars': stars}
            given = {name: value for name, value in given.items() if value is not None}
            removal = replace(removal, **given)
        return replace(self, neighbors=removal, **others)

    @classmethod
    def from_dict(cls, values):
        """
        The same from the plain values of `to_dict`.

        Raises
        ------
        TypeError, ValueError
            If they are others.
        """
        neighbors, scale = dict(values['neighbors']), values['scale']
        if neighbors['detection'] is not None:
            neighbors['detection'] = DetectionConfig(**neighbors['detection'])
        return cls(
            None if scale is None else SourceScale(**scale),
            values['detect_in'],
            values['sky'],
            NeighborConfig(**neighbors),
            DetectionConfig(**values['detection']),
        )

    def to_dict(self):
        """Plain values, also of numbers of numpy."""
        return json.loads(json.dumps(asdict(self), default=lambda number: number.item()))

    @property
    def grid(self):
        """Name of the band on whose pixels stamps are cut; None for the first."""
        return None if self.detect_in == CHI_SQUARED else self.detect_in

    @property
    def removal(self):
        """
        What happens to neighbors, a `~astro_wgan.neighbors.NeighborConfig`.

        They are fainter than the sources that are worth a stamp.
        """
        if self.neighbors.detection is not None:
            return self.neighbors
        detection = self.detection_of_cutting
        faint = replace(detection, threshold=min(detection.threshold, _FAINT), min_area=5)
        return replace(self.neighbors, detection=faint)

    @property
    def detection_of_cutting(self):
        """Detection in images of which the sky has been subtracted, if it is to be."""
        return replace(self.detection, background=0.0) if self.sky == 'subtract' else self.detection

    @property
    def is_searched(self):
        """Whether the whole image has to be searched to make some stamps of it."""
        return self.removal.is_needed or is_measured(self.scale)

    @property
    def options(self):
        """Arguments of `StampSet.from_image <astro_wgan.StampSet.from_image>`."""
        removal = self.removal
        return {'scale': self.scale, **({'neighbors': removal} if removal.is_needed else {})}

    def check_bands(self, n_bands):
        """Raise a ValueError if a known level of the sky would be that of several bands."""
        if self.sky == 'subtract' and n_bands > 1 and self.detection.background:
            raise ValueError(
                '`background` of `detection` is the level of one image, and cannot be subtracted '
                f'from several; got {self.detection.background:g}. Leave it out to have each '
                'measured.'
            )

    def without_sky(self, ccd):
        """The image, without its background if that is to be subtracted."""
        if self.sky == 'keep':
            return ccd
        level = measure_background(ccd.data, mask=ccd.mask, detection=self.detection)
        ccd = ccd.copy()
        ccd.data = ccd.data - level
        return ccd

    def record(self, wgan):
        """Add it to the provenance of a model that is trained on such stamps."""
        wgan.provenance_[_OF_MODEL] = self.for_other_images().to_dict()

    def record_in(self, meta):
        """Add it to the ``meta`` of such stamps."""
        meta[_OF_STAMPS] = self.for_other_images().to_dict()

    def for_other_images(self):
        """The same without the known level of the sky, which is that of one image."""
        detection = self.detection
        if detection.background:
            detection = replace(detection, background=None)
        return replace(self, detection=detection)


def making_of_model(wgan):
    """
    How the stamps were made that a model was trained on.

    Parameters
    ----------
    wgan : `~astro_wgan.WGAN`

    Returns
    -------
    StampMaking or None
        None if that is not known.

    Raises
    ------
    DamagedFileError
        If that cannot be read.
    """
    return _recorded(wgan.provenance_.get(_OF_MODEL), 'the stamps of `model`')


def making_of_stamps(stamps):
    """
    How stamps were made, as their ``meta`` says.

    Parameters
    ----------
    stamps : `~astro_wgan.StampSet` or `~astro_wgan.StampStore`

    Returns
    -------
    StampMaking or None
        None if that is not known, or not the same for all of them.

    Raises
    ------
    DamagedFileError
        If that cannot be read.
    """
    metas = stamps.meta.get('parts', [stamps.meta])
    found = [_recorded(meta.get(_OF_STAMPS), '`stamps`') for meta in metas]
    return found[0] if all(making == found[0] for making in found) else None


def _recorded(values, whose):
    if values is None:
        return None
    try:
        if not isinstance(values, Mapping):
            raise ValueError(f'it is {values!r:.40}')
        return StampMaking.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFileError(f'How {whose} were made cannot be read: {error}.') from error
