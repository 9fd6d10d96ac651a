"""`ResultsView`: what a page can ask about some results, as plain values and arrays."""

from io import StringIO

import numpy as np
from astropy.table import QTable

from astro_wgan.browsing.background_tasks import UnavailableError
from astro_wgan.browsing.pictures.detector_images import DetectorImages
from astro_wgan.browsing.pictures.page_cache import PageCache
from astro_wgan.browsing.pictures.sheets import COLUMNS, PER_SHEET, Sheets
from astro_wgan.browsing.pictures.source_pictures import KINDS, Pictures
from astro_wgan.browsing.rows.feature_space import FeatureSpace
from astro_wgan.browsing.rows.row_orders import ORDERS, RowOrders
from astro_wgan.browsing.rows.source_facts import source_facts
from astro_wgan.browsing.rows.source_labels import SourceLabels
from astro_wgan.catalogs.sky_columns import sky_degrees
from astro_wgan.gallery.cards import TableColumn, id_texts, table_columns
from astro_wgan.gallery.page_text import harmless
from astro_wgan.jobs import digest
from astro_wgan.stamps.intensity.color_composites import color_groups

__all__ = ['ResultsView']

#: Columns that a rerank adds, and their labels.
_RELEVANCE = {
    'relevance': 'relevance by the labels',
    'relevance_error': 'error of the relevance',
    'joined_rank': 'rank by score and labels',
}
#: Columns whose smallest values come first.
_SMALLEST_FIRST = ('joined_rank',)


class ResultsView:
    """
    Results with everything that is computed of them for a page.

    Parameters
    ----------
    results : `~astro_wgan.browsing.Results`
    labels : path-like, optional
        File of labels; by default ``labels.jsonl`` in the folder of the results, or in the present
        folder for results in memory.
    by : str, optional
        Who labels; by default the name of the user of the computer.
    origin : {'lower', 'upper'}, optional
        Whether the first row of an image is shown at the bottom or at the top.
    rgb : tuple of str or int, optional
        The bands to show in red, green and blue: see `~astro_wgan.gallery.write_gallery`.

    Attributes
    ----------
    results, version
        The results, and a text that other results or other pictures of them do not have.
    ids : list of str
    pictures, sheets, space, labels
        Pictures of sources, sheets of them, features, and labels.
    """

    def __init__(self, results, *, labels=None, by=None, origin='lower', rgb=None):
        if origin not in ('lower', 'upper'):
            raise ValueError(f"`origin` must be 'lower' or 'upper'; got {origin!r}.")
        self._color_names = _color_names(results.stamps, rgb)
        self.results = results
        # Whatever pictures depend on, since browser and disk keep them.
        about = [results.version, results.model_name, origin, str(rgb)]
        self.version = digest(np.array(about))[-len(results.version) :]
        table = results.table
        self.ids = id_texts(table, slice(None))
        self._columns = {column.name: column for column in table_columns(table, slice(None))}
        if results.stamps.known.any() and not results.stamps.known.all():
            self._columns['has_stamp'] = _column('has_stamp', 'has a stamp', results.stamps.known)
        labels = results.label_file if labels is None else labels
        self.labels = SourceLabels(labels, table['id'], by=by, model=results.model_name)
        cache = PageCache(results.folder, self.version)
        self._networks = None if results.model is None else DetectorImages(results)
        self.pictures = Pictures(results, self._networks, origin=origin, rgb=rgb)
        self.sheets = Sheets(self.pictures, cache, len(results))
        self.space = FeatureSpace(results, self._networks)
        self._sky = sky_degrees(table)
        self._orders = RowOrders(self._columns, self.ids)

    def describe(self):
        """The answer to ``GET /api/results``."""
        stamps, (width, height) = self.results.stamps, self.pictures.cell
        scale = stamps.pixel_scale
        _, labels = self.labels.read()
        standard = self.labels.file.standard
        own = [label for label in dict.fromkeys(labels.values()) if label not in standard]
        pictures = [{'name': name, 'label': KINDS[name]} for name in self.pictures.kinds]
        return {
            'title': self.results.title,
            'version': self.version,
            'total': len(self.results),
            'withStamps': int(stamps.known.sum()),
            'hasFeatures': self.space.exists,
            'model': self._model_state(),
            'bands': [band.name for band in stamps.bands],
            'colors': self._color_names,
            'shape': list(stamps.shape),
            'pixelScale': None if scale is None else float(scale.to_value('arcsec / pix')),
            'columns': [_described(column) for column in [*self._columns.values()]],
            'orders': [{'name': name, 'label': label} for name, label in ORDERS.items()],
            'labels': {'standard': list(standard), 'own': own},
            'by': self.labels.by,
            'labelFile': self.labels.file.path.name,
            'sprite': {
                'cell': [width, height],
                'columns': COLUMNS,
                'perSheet': PER_SHEET,
                'pictures': pictures,
            },
        }

    def column_arrays(self, names):
        """
        Columns of all rows, for `~astro_wgan.browsing.binary_arrays.pack_arrays`.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        arrays = {}
        for name in names:
            if name == 'id':
                arrays[name] = self.ids
            elif name in self._columns:
                arrays[name] = _array_of(self._columns[name])
            else:
                raise ValueError(
                    f'There is no column {name!r:.80}; there are id, {", ".join(self._columns)}.'
                )
        return arrays

    def ordered(self, by, *, seed=0, labels=None, **filters):
        """
        Rows in an order that pass filters.

        Parameters
        ----------
        by, seed
            As for `~astro_wgan.browsing.rows.row_orders.RowOrders.ordered`.
        labels, **filters
            As for `~astro_wgan.browsing.rows.row_orders.RowOrders.chosen`.

        Returns
        -------
        `~numpy.ndarray` of int
        """
        _, label_of = self.labels.read()
        labeled = np.zeros(len(self.ids), dtype=bool)
        labeled[list(label_of)] = True
        rows = self._orders.ordered(by, labeled=labeled, similar=self.space.nearest, seed=seed)
        chosen = self._orders.chosen(labels=labels, label_of=label_of, **filters)
        return rows[chosen[rows]]

    def source(self, row):
        """The answer to ``GET /api/source/ROW``."""
        _, labels = self.labels.read()
        has_stamp = self.results.stamps.known[row]
        return {
            'row': row,
            'id': self.ids[row],
            **source_facts([*self._columns.values()], row, self._sky),
            'pictures': list(self.pictures.kinds) if has_stamp else [],
            'label': labels.get(row),
        }

    def labels_csv(self):
        """The labels of all people as text, in which formulas begin with an apostrophe."""
        self.labels.file.read_new()
        text = StringIO()
        table = self.labels.file.table()
        table['time'] = table['time'].isot
        for name in table.colnames:
            if table[name].dtype.kind == 'U':
                table[name] = [harmless(value) for value in table[name].tolist()]
        QTable(table).write(text, format='ascii.csv')
        return text.getvalue().encode('utf-8', 'replace')

    def rerank(self):
        """
        Relevance of all rows by the labels that there are now, which become columns.

        Returns
        -------
        arrays : dict of `~numpy.ndarray`
        report : dict
            ``labels`` that counted, and ``gain``.
        """
        self.space.features()
        self.labels.file.read_new()
        try:
            table = self.space.rerank(self.labels.file)
        except ValueError as error:
            raise UnavailableError(str(error)) from error
        arrays = {
            'relevance': np.asarray(table['relevance'], dtype=np.float32),
            'relevance_error': np.asarray(table['relevance_error'], dtype=np.float32),
            'joined_rank': np.asarray(table['joined_rank'], dtype=np.uint32),
        }
        columns = {name: _column(name, _RELEVANCE[name], arrays[name]) for name in arrays}
        # Orders have the same dictionary, of which readers in other threads take copies.
        self._columns.update(columns)
        return arrays, table.meta['relevance']

    def _model_state(self):
        if self._networks is None:
            return None
        return 'loaded' if self._networks.is_loaded else 'waiting'


def _described(column):
    names = ('name', 'label', 'unit', 'kind', 'descending')
    return {name: getattr(column, name) for name in names}


def _column(name, label, values):
    kind = 'flag' if values.dtype.kind == 'b' else 'number'
    missing = np.isnan(values) if values.dtype.kind == 'f' else np.zeros(len(values), dtype=bool)
    return TableColumn(name, label, '', kind, name not in _SMALLEST_FIRST, values, missing)


def _array_of(column):
    """Values of a column as a page gets them."""
    values, missing = column.values, column.missing
    if column.kind == 'text':
        return np.where(missing, None, values).tolist()
    if column.kind == 'flag':
        return np.where(missing, 2, values).astype(np.uint8)
    if values.dtype.kind in 'iu':
        is_plain = not missing.any() and len(values) and 0 <= values.min() <= values.max() < 2**32
        if is_plain:
            return values.astype(np.uint32)
    single = values.dtype.kind == 'f' and values.dtype.itemsize <= 4
    numbers = values.astype(np.float32 if single else np.float64)
    return np.where(missing, numbers.dtype.type(np.nan), numbers)


def _color_names(stamps, rgb):
    groups = color_groups(stamps.n_bands or 1, bands=stamps.bands, rgb=rgb)
    return None if groups is None else [[stamps.bands[k].name for k in group] for group in groups]
