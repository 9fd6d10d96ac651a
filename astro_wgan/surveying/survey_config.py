"""`SurveyConfig`: what is measured of the sources of a survey, and what is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting.stamp_making import StampMaking
from astro_wgan.images.read_options import ReadOptions, options_of_band
from astro_wgan.jobs import describe_settings
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.remote.uris import is_uri, shown
from astro_wgan.stamps import SourceScale
from astro_wgan.validation.config_numbers import check_whole_numbers

__all__ = ['SurveyConfig']

#: Settings that change how a survey is computed, but not what is written for a tile.
_FREE = ('batch_size', 'n_ranked')

#: Settings that say how stamps are made.
_MAKING = ('detect_in', 'scale', 'sky', 'neighbors', 'stars')


@dataclass(frozen=True)
class SurveyConfig:
    """
    Configuration of a survey.

    Stamps are made as those that the model was trained on: a hunt records ``scale``, ``detect_in``,
    ``sky``, ``neighbors``, ``stars`` and ``detection`` with its model, and of any other model they
    are by default those of `~astro_wgan.HuntConfig`.

    Parameters
    ----------
    partial : {'fill', 'drop'}
        Whether pixels of stamps beyond the border of their tile are masked, or such stamps are left
        out.
    photometry : bool
        Whether the central source of each stamp is measured, too
        (`~astro_wgan.measure_sources`).
    morphology : bool
        The same with `~astro_wgan.measure_morphology`, which takes about a hundred times as long as
        the score.
    keep_stamps : int or 'all'
        How many stamps are kept: those with the highest scores of the whole survey, or all.
    batch_size : int
        Stamps that are in memory at a time. Results do not depend on it, but for rounding.
    n_ranked : int
        Rows of the ranked table, from the highest score on.
    detection : `~astro_wgan.detection.DetectionConfig`, optional
        Source detection, if there is no catalog.
    detect_in : str, optional
        Of several bands the one in which sources are detected and whose pixels stamps have, or
        ``'chi2'``.
    scale, sky, neighbors, stars : optional
        As in `~astro_wgan.HuntConfig`. If a hunt has trained the model, they must be its own.
    reading : dict
        Options of `~astro_wgan.images.read_image`, such as ``{'layout': 'des'}``, for all tiles;
        with several bands, dictionaries hold a value for each.

    Raises
    ------
    TypeError, ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan import SurveyConfig
    >>> SurveyConfig(keep_stamps=500).partial
    'fill'
    """

    partial: str = 'fill'
    photometry: bool = False
    morphology: bool = False
    keep_stamps: int | str = 0
    batch_size: int = 1024
    n_ranked: int = 10_000
    detection: DetectionConfig | None = None
    detect_in: str | None = None
    scale: str | SourceScale | None = None
    sky: str | None = None
    neighbors: str | NeighborConfig | None = None
    stars: str | None = None
    reading: Mapping = field(default_factory=dict)

    def __post_init__(self):
        if self.partial not in ('fill', 'drop'):
            raise ValueError(f"`partial` must be 'fill' or 'drop'; got {self.partial!r}.")
        for name in ('photometry', 'morphology'):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f'`{name}` must be True or False; got {getattr(self, name)!r}.')
        least = {'batch_size': 1, 'n_ranked': 1}
        if isinstance(self.keep_stamps, str):
            if self.keep_stamps != 'all':
                raise ValueError(
                    f"`keep_stamps` must be a whole number or 'all'; got {self.keep_stamps!r}."
                )
        else:
            least['keep_stamps'] = 0
        check_whole_numbers(self, least)
        if not (self.detection is None or isinstance(self.detection, DetectionConfig)):
            raise TypeError(
                f'`detection` must be a DetectionConfig, or None; got {self.detection!r}.'
            )
        # Whatever the model is, values may be wrong.
        self.making_like(None)
        self._check_reading()

    def _check_reading(self):
        if not isinstance(self.reading, Mapping):
            raise TypeError(f'`reading` must be a dictionary; got {type(self.reading).__name__}.')
        known = ReadOptions.__dataclass_fields__
        unknown = [name for name in self.reading if name not in known]
        if unknown:
            raise ValueError(
                f'`reading` may have the options {", ".join(known)} of read_image; got '
                f'{unknown[0]!r}.'
            )
        by_band = [value for value in self.reading.values() if isinstance(value, Mapping)]
        for band in {None, *(band for value in by_band for band in value)}:
            ReadOptions(**options_of_band(self.reading, band))

    @property
    def remote(self):
        """How a catalog at a URI is read: as the tiles are, unless that differs between bands."""
        remote = self.reading.get('remote')
        return None if isinstance(remote, Mapping) else remote

    def making_like(self, known):
        """
        How stamps are made.

        Parameters
        ----------
        known : `~astro_wgan.hunting.stamp_making.StampMaking` or None
            How those of the model were made; None if that is not known.

        Returns
        -------
        `~astro_wgan.hunting.stamp_making.StampMaking`

        Raises
        ------
        ValueError
            If the model was trained on others.
        """
        given = {name: getattr(self, name) for name in _MAKING}
        if known is None:
            return StampMaking().changed(**given, detection=self.detection)
        made = known.changed(**given)
        for name, own, other in (
            ('scale', made.scale, known.scale),
            ('sky', made.sky, known.sky),
            ('neighbors', made.neighbors.neighbors, known.neighbors.neighbors),
            ('stars', made.neighbors.stars, known.neighbors.stars),
            ('neighbors', made.neighbors, known.neighbors),
        ):
            if own != other:
                raise ValueError(
                    f'`{name}` must be that of the stamps that `model` was trained on, {other!r}; '
                    f'got {own!r}. Leave it out.'
                )
        return made

    def describe(self, making):
        """
        Plain values of the settings that results depend on, for a `Fingerprint`.

        Parameters
        ----------
        making : `~astro_wgan.hunting.stamp_making.StampMaking`
            How stamps are made, which depends on the model, too.

        Returns
        -------
        dict
        """
        settings = {name: getattr(self, name) for name in self.__dataclass_fields__}
        # How files at URIs are reached, which may hold credentials.
        settings['reading'] = {k: _shown(v) for k, v in self.reading.items() if k != 'remote'}
        settings = {k: v for k, v in settings.items() if k not in (*_FREE, *_MAKING)}
        return describe_settings({**settings, 'stamps': making})


def _shown(option):
    """An option, perhaps one for each band, in which URIs are without credentials."""
    if isinstance(option, Mapping):
        return {band: _shown(value) for band, value in option.items()}
    return shown(option) if is_uri(option) else option
