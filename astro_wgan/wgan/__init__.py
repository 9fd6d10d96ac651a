"""Networks, losses and training of the Wasserstein GAN with gradient penalty."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'HeldOutMonitor': 'callbacks',
        'NetworkConfig': 'config.network_config',
        'TrainingConfig': 'config.training_config',
        'WGAN': 'model',
        'build_critic': 'networks',
        'build_encoder': 'networks',
        'build_generator': 'networks',
        'sample_grid': 'callbacks',
    },
)
