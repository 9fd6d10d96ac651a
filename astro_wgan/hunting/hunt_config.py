"""`HuntConfig`: detection, stamps and training of a hunt."""

from dataclasses import dataclass

from astro_wgan.hunting.cut_config import CutConfig, check_integers
from astro_wgan.hunting.detector_config import CHOICES, DetectorConfig

__all__ = ['HuntConfig']


# The settings of a hunt are those of the stamps, then those of the detector.
@dataclass(frozen=True)
class HuntConfig(DetectorConfig, CutConfig):
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

    n_cards: int = 300

    def __post_init__(self):
        CutConfig.__post_init__(self)
        DetectorConfig.__post_init__(self)
        check_integers(self, ['n_cards'])
        if self.n_cards < 1:
            raise ValueError(f'`n_cards` must be at least 1; got {self.n_cards}.')

    def _check_pixels(self):
        """Refuse what cannot be the edge of stamps for the networks."""
        # Not at the top: networks are of another layer, and sizes are all that is asked of them.
        from astro_wgan.wgan import NetworkConfig

        # A preset that there is not is refused among the settings of the detector.
        preset = self.preset if self.preset in CHOICES['preset'] else 'compact'
        NetworkConfig.preset(preset, size=int(self.size))
