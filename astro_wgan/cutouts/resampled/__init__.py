"""Resampling of stamps: binned, padded, recentered, or scaled with their sources."""
