"""Tiles of a survey: the sky that each shows, the sources that are its own, and their scores."""
