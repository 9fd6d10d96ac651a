"""`HuntConfig`: detection, stamps and training of a hunt."""

from dataclasses import dataclass, field
from numbers import Integral

from astropy import units as u

from astro_wgan.anomaly.calibration.contamination import check_contamination
from astro_wgan.anomaly.classifier.classifier_config import ClassifierConfig
from astro_wgan.cutouts.resampled.source_scale import as_source_scale
from astro_wgan.detection import DetectionConfig
from astro_wgan.hunting.stamp_making import SKY, WORTH_A_STAMP
from astro_wgan.neighbors import NeighborConfig
from astro_wgan.neighbors.neighbor_config import as_neighbor_config
from astro_wgan.stamps import SourceScale

__all__ = ['HuntConfig']

#: Generator iterations without any limit: from random weights, and from an initial model.
_ITERATIONS, _FINE_TUNING = 600, 300

#: Allowed values of settings, by name.
_CHOICES = {
    'partial': ('drop', 'fill'),
    'sky': SKY,
    'preset': ('compact', 'paper'),
    'stretch': ('auto', 'asinh', 'linear'),
}


@dataclass(frozen=True)
class HuntConfig:
    """
    Configuration of a hunt.

    With a trained ``model``, ``preset``, ``stretch``, ``iterations``, ``epochs``, ``minutes``,
    ``classifier``, ``held_out_fraction`` and ``seed`` have no effect, and ``contamination`` only
    has one if the model has no calibration.

    Parameters
    ----------
    size : int or `~astropy.units.Quantity`
        Edge of the stamps in pixels: 16, 32, 64, 128 or 256; or an angle that is one of these,
        rounded to whole pixels of the image.
    detection : `~astro_wgan.detection.DetectionConfig`
        Source detection, if no positions are given.
    scale : {None, 'source'} or `~astro_wgan.stamps.SourceScale`
        Stamps have the pixels of the image, or follow their sources: resampled to be so many radii
        across (`~astro_wgan.StampSet.from_image`). Neighbors and stars are then masked or replaced
        in the stamps.
    detect_in : str or None
        Of several bands the one in which sources are detected, by default the first; or ``'chi2'``,
        which finds sources of any color (`~astro_wgan.StampSet.from_images`).
    partial : {'drop', 'fill'}
        Whether stamps that extend beyond the image are dropped or masked there.
    sky : {'keep', 'subtract'}
        Whether the background is subtracted from the image before stamps are cut: the one that
        ``detection`` states or measures. It needs not be, if it is the same in all of the image.
    neighbors : {'keep', 'mask', 'replace'} or `~astro_wgan.neighbors.NeighborConfig`
        What happens to sources beside the central one: they are kept, masked, or replaced by sky.
        Without a configuration of their own they are detected at 1.5 sigma, fainter than those
        around which stamps are cut.
    stars : {'keep', 'mask'}
        Whether point sources beside or on a galaxy are masked.
    preset : {'compact', 'paper'}
        Configuration of networks and training.
    stretch : {'auto', 'asinh', 'linear'}
        Scale of the intensities that the networks see (`~astro_wgan.Stretch`): by default linear
        for images that were stretched for display before, such as JPEG pictures, of which a warning
        is issued, and asinh for all others.
    iterations, epochs, minutes : float or None
        Limits of the training: number of generator iterations (by default 600, or 300 from an
        initial model) or of passes over the stamps, and time in minutes. With a limit in minutes
        the result depends on the machine, otherwise on the seed alone.
    classifier : `~astro_wgan.anomaly.ClassifierConfig` or None
        Injected anomalies, and the classifier that learns to tell them on the stamps of the
        training (`AnomalyDetector.train_classifier <astro_wgan.AnomalyDetector.train_classifier>`);
        None for a score without it. With fewer than 16 stamps there is none.
    held_out_fraction : float
        Fraction of the stamps that the networks are not trained on and whose scores set the
        thresholds.
    contamination : float or 'estimate'
        Fraction of anomalies among these: see
        `AnomalyDetector.calibrate <astro_wgan.AnomalyDetector.calibrate>`. 0 takes all to be
        normal.
    seed : int
        Seed of the split and of the training.
    n_cards : int
        Number of cards on the page, from the highest score on.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    size: int | u.Quantity = 64
    detection: DetectionConfig = WORTH_A_STAMP
    scale: str | SourceScale | None = None
    detect_in: str | None = None
    partial: str = 'drop'
    sky: str = 'keep'
    neighbors: str | NeighborConfig = 'keep'
    stars: str = 'keep'
    preset: str = 'compact'
    stretch: str = 'auto'
    iterations: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    classifier: ClassifierConfig | None = field(default_factory=ClassifierConfig)
    held_out_fraction: float = 0.2
    contamination: float | str = 'estimate'
    seed: int = 0
    n_cards: int = 300

    def __post_init__(self):
        names = ['iterations', 'seed', 'n_cards']
        for name in names if hasattr(self.size, 'unit') else ['size', *names]:
            value = getattr(self, name)
            if value is not None and not _is_whole(value):
                raise ValueError(f'`{name}` must be an integer; got {value!r}.')
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f'`{name}` must be {" or ".join(map(repr, allowed))}; '
                    f'got {getattr(self, name)!r}.'
                )
        self._check_size()
        if not isinstance(self.detection, DetectionConfig):
            raise ValueError(f'`detection` must be a DetectionConfig; got {self.detection!r}.')
        if not (self.classifier is None or isinstance(self.classifier, ClassifierConfig)):
            raise ValueError(
                f'`classifier` must be a ClassifierConfig or None; got {self.classifier!r}.'
            )
        if not 0 < self.held_out_fraction < 1:
            raise ValueError(
                f'`held_out_fraction` must lie between 0 and 1; got {self.held_out_fraction}.'
            )
        as_neighbor_config(self.neighbors, self.stars)
        if as_source_scale(self.scale) is not None and hasattr(self.size, 'unit'):
            raise ValueError(f'`size` must be in pixels if there is a `scale`; got {self.size}.')
        check_contamination(self.contamination)
        if self.iterations is not None and self.epochs is not None:
            raise ValueError('Give `epochs` or `iterations`, not both.')
        for name, limit in self.limits.items():
            if not limit > 0:
                raise ValueError(f'`{name}` must be above 0; got {limit}.')
        if self.seed < 0:
            raise ValueError(f'`seed` must not be negative; got {self.seed}.')
        if self.n_cards < 1:
            raise ValueError(f'`n_cards` must be at least 1; got {self.n_cards}.')

    def _check_size(self):
        """Refuse what cannot be the edge of stamps for any networks."""
        if hasattr(self.size, 'unit'):
            is_angle = self.size.unit.is_equivalent(u.arcsec)
            if not (is_angle and self.size.isscalar and 0 < self.size.value < float('inf')):
                raise ValueError(f'`size` must be one angle above 0, or pixels; got {self.size}.')
            return
        # Not at the top: networks are of another layer, and sizes are all that is asked of them.
        from astro_wgan.wgan import NetworkConfig

        NetworkConfig.preset(self.preset, size=int(self.size))

    @property
    def limits(self):
        """Limits of the training that are given, as arguments of `astro_wgan.WGAN.fit`."""
        names = ('iterations', 'epochs', 'minutes')
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def limits_from(self, initial_model):
        """The same, or by default a number of iterations, fewer from an initial model."""
        iterations = _ITERATIONS if initial_model is None else _FINE_TUNING
        return self.limits or {'iterations': iterations}


def _is_whole(value):
    return isinstance(value, Integral) and not isinstance(value, bool)
