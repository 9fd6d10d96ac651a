"""`SurveyConfig`: what is measured of the sources of a survey, and what is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from astro_wgan.detection import DetectionConfig
from astro_wgan.images.read_options import ReadOptions
from astro_wgan.jobs import describe_settings
from astro_wgan.validation.config_numbers import check_whole_numbers

__all__ = ['SurveyConfig']

#: Settings that change how a survey is computed, but not what is written for a tile.
_FREE = ('batch_size', 'n_ranked')


@dataclass(frozen=True)
class SurveyConfig:
    """
    Configuration of a survey.

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
        Stamps that are in memory at a time.
    n_ranked : int
        Rows of the ranked table, from the highest score on.
    detection : `~astro_wgan.detection.DetectionConfig`
        Source detection, if there is no catalog.
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
    # Stamps of fainter or smaller sources are dominated by noise.
    detection: DetectionConfig = field(default_factory=lambda: DetectionConfig(2.5, min_area=40))
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
        if not isinstance(self.detection, DetectionConfig):
            raise TypeError(f'`detection` must be a DetectionConfig; got {self.detection!r}.')
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
        # Those of each band are checked when its image is opened.
        ReadOptions(**{k: v for k, v in self.reading.items() if not isinstance(v, Mapping)})

    @property
    def remote(self):
        """How a catalog at a URI is read: as the tiles are, unless that differs between bands."""
        remote = self.reading.get('remote')
        return None if isinstance(remote, Mapping) else remote

    def describe(self):
        """Plain values of the settings that results depend on, for a `Fingerprint`."""
        settings = {name: getattr(self, name) for name in self.__dataclass_fields__}
        # How files at URIs are reached, which may hold credentials.
        settings['reading'] = {k: v for k, v in self.reading.items() if k != 'remote'}
        return describe_settings({k: v for k, v in settings.items() if k not in _FREE})
