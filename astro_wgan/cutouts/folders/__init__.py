"""Stamps from folders of cutouts."""
