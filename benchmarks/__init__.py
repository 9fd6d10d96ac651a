"""Benchmarks of astro_wgan: ``README.rst`` lists them and tells how they are run."""
