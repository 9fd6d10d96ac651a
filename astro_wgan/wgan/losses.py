"""The losses of a WGAN with gradient penalty (paper, section 3.3), and of an encoder beside it."""

import tensorflow as tf

__all__ = [
    'critic_loss',
    'generator_loss',
    'gradient_penalty',
    'latent_divergence',
    'penalty_of_gradient',
    'reconstruction_loss',
]

#: Added under the square root of the gradient's norm, whose own gradient is undefined at zero.
_NORM_FLOOR = 1e-12


def critic_loss(value_real, value_fake):
    """
    E[C(G(z))] - E[C(x)], minimised by the critic: minus its estimate of the Wasserstein distance.

    Parameters
    ----------
    value_real, value_fake : `tf.Tensor`, shape (n, 1)
        The critic's values of real and generated images.

    Returns
    -------
    `tf.Tensor`, scalar
    """
    return tf.reduce_mean(value_fake) - tf.reduce_mean(value_real)


def generator_loss(value_fake):
    """
    -E[C(G(z))], minimised by the generator.

    Parameters
    ----------
    value_fake : `tf.Tensor`, shape (n, 1)
        The critic's values of generated images.

    Returns
    -------
    `tf.Tensor`, scalar
    """
    return -tf.reduce_mean(value_fake)


def gradient_penalty(critic_value, real, fake, epsilon):
    """
    E[(||grad C(x')||_2 - 1)^2] at x' between real and generated images, one norm per image.

    Parameters
    ----------
    critic_value : callable
        From images to C, shape (n, 1).
    real, fake : `tf.Tensor`, shape (n, ny, nx, bands)
        Pairs of images.
    epsilon : `tf.Tensor`, shape (n, 1, 1, 1)
        Where between the two the gradient is taken: ``epsilon * real + (1 - epsilon) * fake``.

    Returns
    -------
    `tf.Tensor`, scalar
        Not yet weighted with lambda.

    Notes
    -----
    Gulrajani et al. 2017, equation 3. The paper prints it with the sign of a minimised loss inside
    a maximised one (equation 4); its appendix A has it as here: added to the minimised loss.
    """
    between = epsilon * real + (1 - epsilon) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = critic_value(between)
    return penalty_of_gradient(tape.gradient(value, between))


def penalty_of_gradient(gradient):
    """
    The gradient penalty of gradients that are already known: E[(||gradient||_2 - 1)^2].

    Parameters
    ----------
    gradient : `tf.Tensor`, shape (n, ny, nx, bands)
        Of C along each image.

    Returns
    -------
    `tf.Tensor`, scalar
    """
    squared = tf.reduce_sum(tf.square(gradient), axis=tf.range(1, tf.rank(gradient)))
    return tf.reduce_mean(tf.square(tf.sqrt(squared + _NORM_FLOOR) - 1))


def reconstruction_loss(images, closest, variance):
    """
    Minus the log likelihood of images under Gaussian noise, but for a constant: chi-squared / 2.

    Parameters
    ----------
    images, closest : `tf.Tensor`, shape (n, ny, nx, bands)
        Real images, and what should be them without noise.
    variance : `tf.Tensor`, shape (bands,)
        Variance of the noise of a pixel.

    Returns
    -------
    `tf.Tensor`, scalar
        Mean over the images of the sum over their pixels.
    """
    squared = tf.square(images - closest) / (2 * variance)
    return tf.reduce_mean(tf.reduce_sum(squared, axis=(1, 2, 3)))


def latent_divergence(mean, log_sigma):
    """
    Kullback-Leibler divergence of normal distributions of z from the standard normal one.

    Parameters
    ----------
    mean, log_sigma : `tf.Tensor`, shape (n, latent)
        Their means, and the logarithms of their standard deviations.

    Returns
    -------
    `tf.Tensor`, scalar
        Mean over the images of the sum over the numbers of z (Kingma & Welling 2014, appendix B).
    """
    each = (tf.square(mean) + tf.exp(2 * log_sigma) - 1) / 2 - log_sigma
    return tf.reduce_mean(tf.reduce_sum(each, axis=1))
