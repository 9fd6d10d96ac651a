"""Configuration of the Sphinx documentation."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx_astropy.conf.v2 import *  # noqa: F403

project = 'astro_wgan'
author = 'The astro_wgan developers'
copyright = f'2026, {author}'
release = installed_version('astro_wgan')
version = release

extensions += [  # noqa: F405
    'matplotlib.sphinxext.plot_directive',
    'nbsphinx',
    'sphinx_design',
]
exclude_patterns += ['_build', '**.ipynb_checkpoints']  # noqa: F405

# Everything comes from this checkout: the build needs no network.
intersphinx_mapping = {}
nitpicky = True
