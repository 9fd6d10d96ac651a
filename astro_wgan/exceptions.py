"""Errors and warnings of the package, and when each of them is raised."""

__all__ = [
    'BenchmarkError',
    'CheckpointError',
    'DamagedFileError',
    'DetectionError',
    'DriftWarning',  # noqa: F822, made by __getattr__
    'EmptyImageError',
    'HDF5Error',
    'HuntFolderError',
    'ImageError',
    'JSONError',
    'KerasFileError',
    'MissingPackageError',
    'NetworkFileError',
    'NoSkyError',
    'NoSourceError',
    'NotFittedError',
    'PlainNetworkError',
    'RemoteFileError',
    'SimulationStoreError',
    'SkyError',
    'StampStoreError',
    'SurveyFolderError',
    'TrainingDivergedError',
    'UnitTextError',
    'WorkerLostError',
    'ZipError',
]


# Input


class ImageError(ValueError):
    """A file or object has no usable image."""


class EmptyImageError(ImageError):
    """An image, or a plane of a cube, has no pixel that is finite and not masked."""


class RemoteFileError(OSError):
    """A file at a URI cannot be read: access is refused, or its server fails again and again."""

    #: Whether access is refused.
    is_refused = False


class UnitTextError(ValueError):
    """A text is not a unit, or is ambiguous."""


class DetectionError(ValueError):
    """Sources cannot be detected in an image."""


class NoSourceError(DetectionError):
    """An image has no source above the threshold of the detection."""


class SkyError(ValueError):
    """An image has too little sky without sources."""


class NoSkyError(Exception):
    """
    Sources and their margins cover all of an image; callers turn it into a `SkyError`.

    Parameters
    ----------
    covered : float
        Fraction of the usable pixels that sources cover.
    """

    def __init__(self, covered):
        super().__init__(covered)
        self.covered = covered


# Learning


class NotFittedError(ValueError, AttributeError):
    """A model, stretch or baseline was asked for results before it was fitted."""


class TrainingDivergedError(FloatingPointError):
    """The losses of a training are no longer finite."""


class WorkerLostError(RuntimeError):
    """Another process of a distributed training no longer answers."""


# Files


class DamagedFileError(ValueError):
    """A file does not hold what it should."""


class JSONError(ValueError):
    """A text is not JSON, or nested or repeated beyond what is read here."""


class ZipError(ValueError):
    """A file is not a zip file, or of a kind that is not read."""


class HDF5Error(ValueError):
    """A file is not an HDF5 file, or is damaged or too large."""


class StampStoreError(ValueError):
    """A folder is not a store of stamps, is damaged, or cannot be used as asked."""


class CheckpointError(ValueError):
    """A checkpoint cannot be used: it is damaged, or of another training."""


class NetworkFileError(ValueError):
    """A file of a network is damaged, or does not hold the network that it should."""


class KerasFileError(ValueError):
    """An HDF5 file of weights is damaged, or has what Keras does not write."""


class PlainNetworkError(NetworkFileError):
    """The description of a network is invalid, or has other layers than plain ones."""


class HuntFolderError(OSError):
    """The results of a hunt cannot be written into the given folder."""


class SurveyFolderError(OSError):
    """A folder holds no survey, or another one than that which is asked for."""


class SimulationStoreError(ValueError):
    """A store holds other simulations than those asked for."""


class BenchmarkError(ValueError):
    """A folder does not hold the benchmark that it should."""


# Installation


class MissingPackageError(ImportError):
    """An optional package is not installed."""


# Warnings


def __getattr__(name):
    # Importing astropy takes a tenth of a second, which processes that only measure sources do
    # without: the one class that is derived from astropy's is made at its first use.
    if name != 'DriftWarning':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from astropy.utils.exceptions import AstropyUserWarning

    class DriftWarning(AstropyUserWarning):
        """Stamps differ from those of the calibration, so that their scores may be biased."""

    DriftWarning.__qualname__ = name
    return globals().setdefault(name, DriftWarning)
