"""Measurements of stamps, part by part: networks, residual statistics and conditions."""
