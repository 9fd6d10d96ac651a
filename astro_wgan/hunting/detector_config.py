"""`DetectorConfig`: how a detector is trained on stamps and calibrated on some of them."""

from dataclasses import dataclass, field

from astro_wgan.anomaly.calibration.contamination import check_contamination
from astro_wgan.anomaly.classifier.classifier_config import ClassifierConfig
from astro_wgan.hunting.cut_config import check_choices, check_integers

__all__ = ['CHOICES', 'DetectorConfig']

#: Generator iterations without any limit: from random weights, and from an initial model.
_ITERATIONS, _FINE_TUNING = 600, 300

#: Allowed values of settings, by name.
CHOICES = {'preset': ('compact', 'paper'), 'stretch': ('auto', 'asinh', 'linear')}


@dataclass(frozen=True)
class DetectorConfig:
    """
    Training and calibration of a detector.

    Parameters
    ----------
    preset, stretch, iterations, epochs, minutes, classifier, held_out_fraction, contamination, seed
        As of `~astro_wgan.HuntConfig`.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> from astro_wgan.hunting import DetectorConfig
    >>> DetectorConfig(minutes=10).limits
    {'minutes': 10}
    """

    preset: str = 'compact'
    stretch: str = 'auto'
    iterations: int | None = None
    epochs: float | None = None
    minutes: float | None = None
    classifier: ClassifierConfig | None = field(default_factory=ClassifierConfig)
    held_out_fraction: float = 0.2
    contamination: float | str = 'estimate'
    seed: int = 0

    def __post_init__(self):
        check_integers(self, ['iterations', 'seed'])
        check_choices(self, CHOICES)
        if not (self.classifier is None or isinstance(self.classifier, ClassifierConfig)):
            raise ValueError(
                f'`classifier` must be a ClassifierConfig or None; got {self.classifier!r}.'
            )
        if not 0 < self.held_out_fraction < 1:
            raise ValueError(
                f'`held_out_fraction` must lie between 0 and 1; got {self.held_out_fraction}.'
            )
        check_contamination(self.contamination)
        if self.iterations is not None and self.epochs is not None:
            raise ValueError('Give `epochs` or `iterations`, not both.')
        for name, limit in self.limits.items():
            if not limit > 0:
                raise ValueError(f'`{name}` must be above 0; got {limit}.')
        if self.seed < 0:
            raise ValueError(f'`seed` must not be negative; got {self.seed}.')

    @property
    def limits(self):
        """Limits of the training that are given, as arguments of `astro_wgan.WGAN.fit`."""
        names = ('iterations', 'epochs', 'minutes')
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def limits_from(self, initial_model):
        """The same, or by default a number of iterations, fewer from an initial model."""
        iterations = _ITERATIONS if initial_model is None else _FINE_TUNING
        return self.limits or {'iterations': iterations}
