"""Reading and writing of TOML: `read_toml`, `toml_text`."""

import tomllib

from astro_wgan.exceptions import DamagedFileError
from astro_wgan.files.configurations.config_values import to_table

__all__ = ['read_toml', 'record_of_config', 'toml_text']

#: Bytes of a file of settings: more is something else.
_LARGEST = 2**20


def read_toml(path):
    """
    The values of a TOML file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DamagedFileError
        If it is not TOML, or larger than 1 MiB.
    """
    # Not at the top, where the list of commands would wait for NumPy.
    from astro_wgan.files.atomic import read_bytes

    content = read_bytes(path, max_size=_LARGEST)
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f'The file {path} is not TOML: {error}.') from error


def toml_text(values):
    """
    Values as TOML.

    Parameters
    ----------
    values : dict
        Numbers, text, booleans, and lists and dictionaries of these.

    Returns
    -------
    str

    Examples
    --------
    >>> from astro_wgan.files.configurations.toml_text import toml_text
    >>> print(toml_text({'command': 'hunt', 'hunt': {'size': 64}}))
    command = "hunt"
    <BLANKLINE>
    [hunt]
    size = 64
    <BLANKLINE>
    """
    # Not at the top, where each command would wait for it.
    import tomli_w

    return tomli_w.dumps(values)


def record_of_config(command, config):
    """
    The text of a file that gives a command the configuration with which a function was called.

    Parameters
    ----------
    command : str
        Name of the command, and of the table of the configuration.
    config : dataclass

    Returns
    -------
    str

    Examples
    --------
    >>> from astro_wgan.detection import DetectionConfig
    >>> from astro_wgan.files.configurations.toml_text import record_of_config
    >>> print(record_of_config('detect', DetectionConfig()).splitlines()[0])
    command = "detect"
    """
    return toml_text({'command': command, command: to_table(config, type(config)())})
