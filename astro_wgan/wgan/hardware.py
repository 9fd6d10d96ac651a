"""What the machine computes on."""

import tensorflow as tf

__all__ = ['has_graphics_card']


def has_graphics_card():
    """
    Whether TensorFlow computes on a graphics card.

    Returns
    -------
    bool
    """
    return bool(tf.config.list_physical_devices('GPU'))
