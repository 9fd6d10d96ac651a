"""Losses of a WGAN with gradient penalty (paper, section 3.3), and of its variational encoder."""

import tensorflow as tf

__all__ = [
    'critic_loss',
    'generator_loss',
    'gradient_penalty',
    'latent_divergence',
    'penalty_of_gradient',
    'reconstruction_loss',
]

#: Added under the square root of the norm of the gradient, which is not differentiable at zero.
_NORM_FLOOR = 1e-12


def critic_loss(value_real, value_fake):
    """
    E[C(G(z))] - E[C(x)], minimized by the critic: minus its estimate of the Wasserstein distance.

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
    -E[C(G(z))], minimized by the generator.

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
        From images to C of shape (n, 1).
    real, fake : `tf.Tensor`, shape (n, ny, nx, bands)
        Pairs of images.
    epsilon : `tf.Tensor`, shape (n, 1, 1, 1)
        The gradient is computed at ``epsilon * real + (1 - epsilon) * fake``.

    Returns
    -------
    `tf.Tensor`, scalar
        Without the weight lambda.

    Notes
    -----
    Gulrajani et al. 2017, equation 3. Margalef-Bentabol et al. 2020 print it with the sign for a
    minimized loss inside a maximized one (equation 4); in their appendix A it is added to the
    minimized loss, as here.
    """
    between = epsilon * real + (1 - epsilon) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = critic_value(between)
    return penalty_of_gradient(tape.gradient(value, between))


def penalty_of_gradient(gradient):
    """
    The gradient penalty of given gradients: E[(||gradient||_2 - 1)^2].

    Parameters
    ----------
    gradient : `tf.Tensor`, shape (n, ny, nx, bands)
        Gradient of C with respect to each image.

    Returns
    -------
    `tf.Tensor`, scalar
    """
    squared = tf.reduce_sum(tf.square(gradient), axis=tf.range(1, tf.rank(gradient)))
    return tf.reduce_mean(tf.square(tf.sqrt(squared + _NORM_FLOOR) - 1))


def reconstruction_loss(images, reconstructions, variance):
    """
    Negative log-likelihood of images with Gaussian noise, up to a constant: chi-squared / 2.

    Parameters
    ----------
    images, reconstructions : `tf.Tensor`, shape (n, ny, nx, bands)
        Real images, and their noise-free reconstructions.
    variance : `tf.Tensor`, shape (bands,)
        Variance of the noise of a pixel.

    Returns
    -------
    `tf.Tensor`, scalar
        Mean over the images of the sum over their pixels.
    """
    squared = tf.square(images - reconstructions) / (2 * variance)
    return tf.reduce_mean(tf.reduce_sum(squared, axis=(1, 2, 3)))


def latent_divergence(mean, log_sigma):
    """
    Kullback-Leibler divergence of normal distributions of z from the standard normal distribution.

    Parameters
    ----------
    mean, log_sigma : `tf.Tensor`, shape (n, latent)
        Means and logarithms of the standard deviations of the distributions.

    Returns
    -------
    `tf.Tensor`, scalar
        Mean over the images of the sum over the elements of z (Kingma & Welling 2014, appendix B).
    """
    each = (tf.square(mean) + tf.exp(2 * log_sigma) - 1) / 2 - log_sigma
    return tf.reduce_mean(tf.reduce_sum(each, axis=1))
