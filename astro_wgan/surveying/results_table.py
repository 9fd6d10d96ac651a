"""`results_table`: the ranked table of a hunt, a survey or a file."""

from pathlib import Path

from astro_wgan.catalogs.table_files import read_table
from astro_wgan.surveying.survey_result import SurveyResult

__all__ = ['results_table']


def results_table(path, *, max_size=None):
    """
    Read a table of results from wherever it is.

    Parameters
    ----------
    path : path-like
        The folder of a hunt or a survey, or the file of a table, as
        `~astro_wgan.catalogs.read_table` reads it.
    max_size : number, optional
        Maximum number of bytes of memory for a file.

    Returns
    -------
    `~astropy.table.QTable`

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If a folder holds no results, or a file no table.

    Examples
    --------
    >>> from astro_wgan import datasets
    >>> from astro_wgan.surveying.results_table import results_table
    >>> len(results_table(datasets.model_path('simulated_f160w') / 'history.ecsv').colnames) > 3
    True
    """
    folder = Path(path)
    if not folder.is_dir():
        return read_table(path, max_size=max_size)
    if (folder / 'survey.json').is_file():
        return _survey_table(folder)
    scores = folder / 'scores.ecsv'
    if not scores.is_file():
        raise ValueError(
            f'The folder {folder} holds neither the scores of a completed hunt (scores.ecsv) nor a '
            'survey (survey.json).'
        )
    return read_table(scores, max_size=max_size)


def _survey_table(folder):
    table = SurveyResult(folder).table()
    if not len(table):
        raise ValueError(f'The survey in {folder} has no ranked sources yet: run it to its end.')
    return table
