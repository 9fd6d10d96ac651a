"""Names that configurations and histories had in files of earlier versions, and have now."""

__all__ = ['FORMER_NAMES', 'renamed']

#: By the part of a model that has the names: the former one and that of today.
FORMER_NAMES = {
    'network': {'kernel': 'kernel_size', 'latent': 'latent_dim'},
    'training': {
        'average': 'ema_decay',
        'compile': 'jit_compile',
        'penalty': 'penalty_weight',
        'reconstruction': 'reconstruction_weight',
    },
    'history': {
        'critic_gradient': 'critic_gradient_norm',
        'divergence': 'kl_divergence',
        'generator_gradient': 'generator_gradient_norm',
        'penalty': 'gradient_penalty',
        'population_distance': 'ks_mean',
        'reconstruction': 'reconstruction_chi2',
        'seconds': 'time',
        'wasserstein': 'wasserstein_distance',
        'wasserstein_held_out': 'held_out_wasserstein_distance',
        **{
            f'distance_{name}': f'wasserstein_{name}'
            for name in (
                'flux',
                'half_light_radius',
                'concentration',
                'axis_ratio',
                'power_spectrum',
            )
        },
    },
}


def renamed(values, part):
    """
    Values by the names of today.

    Parameters
    ----------
    values : dict
        By name, of today or of an earlier version.
    part : {'network', 'training', 'history'}
        What the values belong to.

    Returns
    -------
    dict
        In the same order.

    Raises
    ------
    ValueError
        If a value is there under both names.

    Examples
    --------
    >>> from astro_wgan.wgan.serialization.former_names import renamed
    >>> renamed({'size': 64, 'latent': 16}, 'network')
    {'size': 64, 'latent_dim': 16}
    """
    former = FORMER_NAMES[part]
    both = [name for name in values if former.get(name) in values]
    if both:
        raise ValueError(f'it has both `{both[0]}` and `{former[both[0]]}`')
    return {former.get(name, name): value for name, value in values.items()}
