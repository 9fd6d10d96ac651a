"""Options of commands that train a detector."""

import argparse

__all__ = ['add_initial_model', 'add_training']


def add_training(add, table):
    """
    Add the options of the training and of the calibration.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    table : str
        Name of the configuration that they set, such as ``'train'``.
    """
    add(
        '--preset',
        choices=['compact', 'paper'],
        sets=f'{table}.preset',
        help='configuration of the networks',
    )
    add(
        '--stretch',
        choices=['auto', 'asinh', 'linear'],
        sets=f'{table}.stretch',
        help='scale of the intensities: linear for images that were stretched for display before, '
        'such as JPEG pictures, asinh for all others (auto), or always one of them',
    )
    add('--epochs', type=float, sets=f'{table}.epochs', help='number of passes over the stamps')
    add(
        '--minutes',
        type=float,
        sets=f'{table}.minutes',
        help='time limit of the training in minutes',
    )
    add(
        '--iterations',
        type=int,
        sets=f'{table}.iterations',
        help='number of generator iterations (default: 600, or 300 from an initial model, if no '
        'other limit is given)',
    )
    add(
        '--classifier',
        action='store_true',
        sets=f'{table}.classifier',
        help='train a classifier of injected anomalies, which takes a minute or two',
    )
    add('--seed', type=int, sets=f'{table}.seed', help='seed of the split and of the training')
    add(
        '--held-out-fraction',
        type=float,
        sets=f'{table}.held_out_fraction',
        metavar='FRACTION',
        help='fraction of the stamps that is not trained on and sets the thresholds',
    )
    add(
        '--contamination',
        type=number_or_estimate,
        sets=f'{table}.contamination',
        metavar='FRACTION',
        help="fraction of anomalies among the held-out stamps, or 'estimate'",
    )


def add_initial_model(add):
    """
    Add the option ``--initial-model``.

    Parameters
    ----------
    add : callable
        `~astro_wgan.commands.options.command.Command.add` of a command.
    """
    from astro_wgan.datasets import model_names

    add(
        '--initial-model',
        default='auto',
        is_path=True,
        metavar='NAME',
        help='model whose weights the training starts from: the one of the package if networks and '
        f'pixel scale fit (auto), {", ".join(model_names())}, the folder of a hunt, or none',
    )


def number_or_estimate(text):
    """A number, or the word ``'estimate'``."""
    try:
        return text if text == 'estimate' else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number or 'estimate'; got {text!r}") from None
