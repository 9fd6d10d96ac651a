"""Finds strange galaxies: a Wasserstein GAN learns normal ones and scores what it cannot draw."""

from importlib import import_module

# Public names by the module that defines them. They are imported when they are first used, so that
# `import astro_wgan` is quick and loads TensorFlow only for those who ask for a network.
_WHERE = {
    'AnomalyDetector': 'astro_wgan.anomaly',
    'Calibration': 'astro_wgan.anomaly',
    'LatentSearch': 'astro_wgan.anomaly',
    'Detection': 'astro_wgan.stamps',
    'StampSet': 'astro_wgan.stamps',
    'StampStore': 'astro_wgan.stamps',
    'Stretch': 'astro_wgan.stamps',
    'read_image': 'astro_wgan.stamps',
    'WGAN': 'astro_wgan.wgan',
    'NetworkConfig': 'astro_wgan.wgan',
    'TrainingConfig': 'astro_wgan.wgan',
    'HuntConfig': 'astro_wgan.hunting',
    'hunt': 'astro_wgan.hunting',
}
_ROOMS = (
    'anomaly',
    'baselines',
    'datasets',
    'evaluate',
    'mergers',
    'morphology',
    'sources',
    'stamps',
    'visualize',
    'wgan',
)

__all__ = [*_WHERE, '__version__']


def __getattr__(name):
    if name == '__version__':
        from importlib.metadata import version

        return version('astro_wgan')
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    if name in _ROOMS:
        return import_module(f'astro_wgan.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__():
    return sorted({*__all__, *_ROOMS})
