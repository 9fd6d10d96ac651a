"""Pixels and the sky: celestial WCS, their inverse, and the WCS of stamps."""
