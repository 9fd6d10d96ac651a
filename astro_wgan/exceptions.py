"""Errors and warnings that more than one room raises."""

__all__ = ['ImageError']


class ImageError(ValueError):
    """Something that holds no image that can be used."""
