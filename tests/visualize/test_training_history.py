import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable

from astro_wgan import datasets
from astro_wgan.visualize import plot_training

plt = pytest.importorskip('matplotlib.pyplot')


def history():
    return QTable(
        {
            'iteration': [10, 20, 30],
            'time': [1.0, 2.0, 3.0] * u.s,
            'gradient_penalty': [0.5, 0.2, 0.1],
            'wasserstein_distance': [6.0, 3.0, 2.0],
            'held_out_wasserstein_distance': [6.0, 4.0, np.nan],
        }
    )


@pytest.mark.mpl_image_compare(
    baseline_dir='baseline',
    style='default',
    tolerance=5,
    savefig_kwargs={'dpi': 50},
)
def test_curves_are_the_columns_of_the_history(bare):
    ax = plot_training(history())
    labels = ['critic distance', 'critic distance, held out', 'gradient penalty']
    assert [line.get_label() for line in ax.lines] == labels
    assert ax.lines[0].get_xdata().tolist() == [10, 20, 30]
    assert ax.lines[0].get_ydata().tolist() == [6, 3, 2]
    # What the last epoch lacks breaks no line.
    assert ax.lines[1].get_ydata().tolist() == [6, 4]
    assert ax.get_xlabel() == 'generator iteration'
    return bare(ax)


def test_columns_can_be_chosen():
    ax = plot_training(history(), ['time'])
    assert [line.get_label() for line in ax.lines] == ['time (s)']


def test_files_of_models_and_of_the_csv_logger_are_read(tmp_path):
    path = datasets.model_path('simulated_f160w') / 'history.ecsv'
    found = QTable.read(path)
    line = plot_training(path).lines[0]
    assert line.get_xdata().tolist() == found['iteration'].tolist()
    assert line.get_ydata().tolist() == found['wasserstein_distance'].tolist()
    log = tmp_path / 'training.csv'
    log.write_text('epoch,penalty,wasserstein,val_penalty\n0,0.5,6.0,NA\n1,0.2,3.0,NA\n')
    ax = plot_training(log)
    assert ax.get_xlabel() == 'epoch'
    assert [line.get_ydata().tolist() for line in ax.lines] == [[6, 3], [0.5, 0.2]]


def test_what_is_no_history_is_refused(tmp_path):
    with pytest.raises(ValueError, match='`history` must have at least one row'):
        plot_training(history()[:0])
    with pytest.raises(ValueError, match=r"`history` lacks the columns \['loss'\]"):
        plot_training(history(), ['loss'])
    with pytest.raises(ValueError, match=r"lacks the columns \['wasserstein_distance'"):
        plot_training(history()['iteration', 'time'])
    with pytest.raises(TypeError, match='`history` must be a table; got list'):
        plot_training([1.0])
    with pytest.raises(FileNotFoundError):
        plot_training(tmp_path / 'none.csv')
