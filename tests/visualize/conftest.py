import sys

import pytest


@pytest.fixture(autouse=True)
def _closed_figures():
    """Of examples in the docs, too, which the same process may have drawn before."""
    _close_all()
    yield
    _close_all()


def _close_all():
    if 'matplotlib.pyplot' in sys.modules:
        sys.modules['matplotlib.pyplot'].close('all')


@pytest.fixture
def bare():
    """The figure of some axes without text, whose size depends on fonts and versions."""
    from matplotlib.text import Text

    def strip(ax):
        figure = ax.figure
        figure.set_layout_engine('none')
        for panel in figure.axes:
            if panel.get_legend() is not None:
                panel.get_legend().remove()
        for text in figure.findobj(Text):
            text.set_visible(False)
        return figure

    return strip
