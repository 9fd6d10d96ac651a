"""Benchmarks of astro_wgan: `README.rst` has the list of them and tells how they are run."""
