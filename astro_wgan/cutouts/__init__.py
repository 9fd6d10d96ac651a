"""Stamps from images and from the objects of astropy, and back."""
