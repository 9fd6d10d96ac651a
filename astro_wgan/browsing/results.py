"""`Results`: a ranked table, its stamps and its model, opened from wherever they are."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import QTable, Table

from astro_wgan.browsing.ranked_stamps import RankedStamps
from astro_wgan.catalogs.qtable import as_qtable
from astro_wgan.files.limits import check_file
from astro_wgan.files.manifest import MANIFEST
from astro_wgan.gallery.cards import id_texts, real_numbers
from astro_wgan.hunting.initial_model import model_folder
from astro_wgan.jobs import digest
from astro_wgan.labeling.label_records import plain_ids
from astro_wgan.surveying.results_table import results_table
from astro_wgan.surveying.survey_folder import SurveyFolder

__all__ = ['Results']

#: Characters of texts that tell results and models apart.
_VERSION = 16
#: Stamps, evenly spread, whose pixels are part of it.
_STAMPS_OF_VERSION = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class Results:
    """
    What a hunt, a survey or a detector has found, from the strangest source on.

    Attributes
    ----------
    table : `~astropy.table.QTable`
        Scores, in the order of ``rank``; without it in decreasing order of ``score``; or as given.
    stamps : `~astro_wgan.browsing.ranked_stamps.RankedStamps`
        Stamps of the rows.
    model : `~astro_wgan.AnomalyDetector`, path-like or None
        The detector, or the folder that it is loaded from once it is needed.
    title : str
    folder : `~pathlib.Path` or None
        Folder of the results, in which labels are kept; None for those in memory.

    Examples
    --------
    >>> import numpy as np
    >>> from astro_wgan import StampSet
    >>> from astro_wgan.browsing import Results
    >>> stamps = StampSet(np.ones((3, 8, 8)), table={'id': [4, 5, 6]})
    >>> results = Results.open({'id': [4, 5, 6], 'score': [0.1, 0.9, 0.4]}, stamps=stamps)
    >>> len(results), results.table['id'].tolist()
    (3, [5, 6, 4])
    """

    table: QTable
    stamps: RankedStamps
    model: object = None
    title: str = 'Sources'
    folder: Path | None = None

    @classmethod
    def open(cls, source, *, stamps=None, model=None):
        """
        Open results.

        Parameters
        ----------
        source : path-like or table
            The folder of a hunt or survey; a table in a file (ECSV, FITS, VOTable, Parquet); or
            a table. It must have a column ``id``.
        stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like, optional
            Stamps of the sources, matched by ``id``. By default those of the folder. A table
            with the column ``features`` needs none; its page has no pictures.
        model : `~astro_wgan.AnomalyDetector` or path-like, optional
            The detector that scored them, its folder, or that of a hunt. By default that of the
            folder. Without one there are no closest images, maps, and similar sources.

        Returns
        -------
        Results

        Raises
        ------
        FileNotFoundError
            If there is no such file or folder, or no model in that of ``model``.
        ValueError
            If the table has no ids, repeated ones, or some that are missing; ranks or scores are no
            numbers; stamps are missing or are not those of the table; ``model`` is no detector; or
            a file is damaged.
        """
        if isinstance(model, (str, os.PathLike)):
            model = _known_model(model)
        elif model is not None and not hasattr(model, 'closest_images'):
            raise ValueError(
                '`model` must be an AnomalyDetector or the folder of one; got '
                f'{type(model).__name__}.'
            )
        folder = None
        if isinstance(source, (str, os.PathLike)):
            path = Path(source)
            if not path.exists():
                raise FileNotFoundError(f'There is no file or folder {path}.')
            if not path.is_dir():
                check_file(path)
            folder = path if path.is_dir() else path.parent
            title = path.resolve().name if path.is_dir() else path.stem
            found = _contents(path)
            table = found['table']
            stamps = found.get('stamps') if stamps is None else stamps
            model = found.get('model') if model is None else model
        else:
            table, title = as_qtable(source), cls.title
        _check_ids(table)
        order = _rank_order(table)
        table = table[order]
        if stamps is None and 'features' not in table.colnames:
            raise ValueError(
                '`stamps` must be given for a table without the column `features`: a set or a '
                'store of stamps.'
            )
        if stamps is None:
            ranked = RankedStamps.none(len(table))
        else:
            ranked = (
                stamps(table) if callable(stamps) else RankedStamps.matched(table['id'], stamps)
            )
        return cls(table=table, stamps=ranked, model=model, title=title, folder=folder)

    def __len__(self):
        return len(self.table)

    @property
    def label_file(self):
        """Where labels are kept: beside the results, for those in memory in the present folder."""
        return (self.folder or Path()) / 'labels.jsonl'

    @property
    def version(self):
        """A short text that other results do not have: of ids, scores, and some of the stamps."""
        columns = [self.table[name] for name in ('id', 'score') if name in self.table.colnames]
        known = np.flatnonzero(self.stamps.known)
        some = self.stamps.read(known[:: max(1, len(known) // _STAMPS_OF_VERSION)])
        parts = [np.asarray(column) for column in columns]
        return digest(*parts, some.pixels)[-_VERSION:]

    @property
    def model_name(self):
        """A short text that other models do not have, without loading it; empty if unknown."""
        if isinstance(self.model, (str, os.PathLike)):
            manifest = Path(self.model) / MANIFEST
            if manifest.is_file():
                return digest(np.frombuffer(manifest.read_bytes(), np.uint8))[-_VERSION:]
        known = self.table.meta.get('model')
        text = json.dumps(known, default=str, sort_keys=True)
        return digest(np.array(text))[-_VERSION:] if known else ''


def _contents(path):
    """Table, stamps and model of a path."""
    found = {'table': results_table(path)}
    if path.is_file():
        return found
    if (path / 'survey.json').is_file():
        folder = SurveyFolder(path)
        stamps = folder.strangest if folder.strangest.exists() else _stamps_of_tiles(folder)
        return found | {'stamps': stamps, 'model': folder.model}
    found['stamps'] = path / 'stamps.zarr'
    return found | ({'model': path / 'model'} if (path / 'model').is_dir() else {})


def _stamps_of_tiles(folder):
    return lambda table: RankedStamps.in_tiles(table['id'], table['tile'], folder.stamps_of)


def _check_ids(table):
    if not isinstance(table, Table) or 'id' not in table.colnames:
        raise ValueError(f'The table must have a column `id`; it has {", ".join(table.colnames)}.')
    if not len(table):
        raise ValueError('The table must have at least one row; it is empty.')
    ids = id_texts(table, slice(None))
    if len({*ids}) < len(ids):
        raise ValueError('The column `id` must hold a different value for each row.')
    try:
        plain_ids(table['id'])
    except ValueError as error:
        raise ValueError(
            f'The column `id` must hold values that labels can be kept for: {error}'
        ) from error


def _rank_order(table):
    for name, sign in (('rank', 1), ('score', -1)):
        if name in table.colnames:
            # NaN is sorted to the end.
            return np.argsort(sign * real_numbers(table, name), kind='stable')
    return np.arange(len(table))


def _known_model(path):
    folder = model_folder(path)
    if not (folder / MANIFEST).is_file():
        raise FileNotFoundError(f'There is no model in {path}: it has no file {MANIFEST}.')
    return folder
