"""current_names: values from files of earlier versions, by the names that they have now."""

__all__ = ['FORMER_NAMES', 'current_names']

#: By the part of a model or detector that has the names: the former one and the current one.
FORMER_NAMES = {
    # Of models and stretches.
    'stretch': {'noise': 'noise_rms'},
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
    # Of detectors.
    'search': {'start': 'init'},
    'scoring': {
        'reach': 'weight_sigma',
        'turned_smoothing': 'rotation_smoothing',
        'turned_margin': 'rotation_margin',
    },
    'statistics': {
        'structure': 'smoothed_residual',
        'turned': 'rotation_residual',
        'peak': 'peak_residual',
        'residual': 'residual_loss',
        'feature': 'feature_loss',
        'paper': 'paper_score',
    },
    'trend': {
        'level_': 'mean_coefficients_',
        'scatter_': 'scatter_coefficients_',
        'least_scatter_': 'min_scatter_',
        'hundredth_': 'percentile_99_',
    },
    'calibration': {
        'held_out': 'held_out_scores',
        'noise': 'noise_rms',
        'training': 'training_scores',
    },
    'conditions': {'noise': 'noise_rms'},
}


def current_names(values, part):
    """
    Values by their current names.

    Parameters
    ----------
    values : dict
        By name, current or of an earlier version.
    part : str
        What the values belong to: a key of `FORMER_NAMES`.

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
    >>> from astro_wgan.files.former_names import current_names
    >>> current_names({'size': 64, 'latent': 16}, 'network')
    {'size': 64, 'latent_dim': 16}
    """
    former = FORMER_NAMES[part]
    both = [name for name in values if former.get(name) in values]
    if both:
        raise ValueError(f'it has both `{both[0]}` and `{former[both[0]]}`')
    return {former.get(name, name): value for name, value in values.items()}
