"""Configuration of the Sphinx documentation."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx_astropy.conf.v2 import *  # noqa: F403

sys.path.insert(0, str(Path(__file__).parent / '_extensions'))

project = 'astro_wgan'
author = 'The astro_wgan developers'
copyright = f'2026, {author}'
release = installed_version('astro_wgan')
version = release

extensions += [  # noqa: F405
    'benchmark_table',
    'matplotlib.sphinxext.plot_directive',
    'myst_nb',
    'sphinx_design',
]
exclude_patterns += ['_build', '_extensions', '**.ipynb_checkpoints']  # noqa: F405

# Links to other projects need the network, which only the host of the public pages has.
if not on_rtd:  # noqa: F405
    intersphinx_mapping = {}

automodapi_inheritance_diagram = False
# The notebook is executed once for each of its versions; in a clean checkout, always.
nb_execution_mode = 'cache'
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
