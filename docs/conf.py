"""Configuration of the Sphinx documentation."""

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx_astropy.conf.v2 import *  # noqa: F403

# With this variable, which tox sets for the tests, kernels of notebooks show no figures.
os.environ.pop('MPLBACKEND', None)
sys.path.insert(0, str(Path(__file__).parent / '_extensions'))

project = 'astro_wgan'
author = 'The astro_wgan developers'
copyright = f'2026, {author}'
release = installed_version('astro_wgan')
version = release
html_title = f'{project} {release}'
html_theme_options['github_url'] = 'https://github.com/astro-wgan/astro_wgan'  # noqa: F405

extensions += [  # noqa: F405
    'benchmark_table',
    'command_options',
    'matplotlib.sphinxext.plot_directive',
    'myst_nb',
    'renamed_names',
    'sphinx_design',
    'survey_layouts',
    'top_level_names',
]
exclude_patterns += ['_build', '_extensions', '**.ipynb_checkpoints']  # noqa: F405

# Links to other projects need the network, which only the host of the public pages has.
if not on_rtd:  # noqa: F405
    intersphinx_mapping = {}

# Each reference to a public name of the package must lead somewhere. Those to other projects do so
# where there is a network, and those to modules inside of a subpackage need not.
nitpicky = True
nitpick_ignore_regex = [
    (r'py:\w+', r'(?!astro_wgan\.).*'),
    (r'py:\w+', r'astro_wgan\.\w+\.[a-z]\w*\..*'),
    # Of docstrings that estimators inherit from scikit-learn.
    (r'std:ref', r'metadata_routing'),
    # Constants, which have no entry of their own.
    (r'py:obj', r'astro_wgan\.\w+\.[A-Z_]+'),
]

automodapi_inheritance_diagram = False
# A notebook is executed once for each of its versions; in a clean checkout, always.
nb_execution_mode = 'cache'
# TensorFlow says there what it runs on.
nb_output_stderr = 'remove'
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
