"""
`make_app`: what a server of results answers, as an application of Starlette.

The interface between the server and its page. Everything has one origin. A browser is let in with
a token in the address (``GET /?token=TOKEN``, `astro_wgan.browsing.access`), which a cookie then
replaces.

**Rows.** Rows are numbered from 0, the strangest, in the order of the ranks, whatever order the
page shows. ``ROW`` is such a number.

**Versions.** ``GET /api/results`` has the ``version`` of the results. Other requests should carry
it, in the header ``X-Results-Version`` or as the parameter ``version`` of the address. After the
server was started again with other results they are answered with 409.

**Answers.** JSON, binary arrays (below), or PNG. What takes long is answered with 202 and
``{"waiting": what, "done": fraction or null}``: ask again after a second. Errors have the status
400 (a parameter is wrong), 403 (access), 404 (there is no such thing), 409 (of another version, or
what it needs is missing), 413 (too large), 503 (a file is gone, a model cannot be loaded) or 507
(the disk is full), and ``{"error": a sentence}``.

**Binary arrays** (`astro_wgan.browsing.binary_arrays`), ``application/octet-stream``: bytes 0 to 3
are the length H of the header (uint32, little-endian, as all numbers); bytes 4 to 4 + H are JSON:
whatever the request says below, and ``arrays``, a list of ``{name, type, offset, length}``. An
array begins ``offset`` bytes after the header, at 4 + H + offset, which is a multiple of 8, and has
``length`` bytes. ``type`` is ``uint8``, ``uint32``, ``float32``, ``float64``, or ``json`` for texts
(a JSON array in UTF-8, null for a missing one).

``GET /``, ``GET /page/NAME``
    The page and its files, by the names of the files in ``astro_wgan/browsing/page``.

``GET /api/results``
    ``title``, ``version``, ``total`` (number of rows), ``withStamps`` (rows that have a stamp),
    ``hasFeatures`` (false: no map, no similar sources and no relevance),
    ``model`` (``null``, ``"waiting"`` or ``"loaded"``), ``bands`` (names), ``colors`` (``null`` for
    gray, or for red, green and blue the names of their bands), ``shape`` (ny, nx), ``pixelScale``
    (arcsec or null), ``columns`` (a list of ``{name, label, unit, kind, descending}``; ``kind`` is
    ``number``, ``flag`` or ``text``), ``orders`` (``{name, label}``), ``labels`` (``standard``
    and ``own``), ``by`` (who labels), ``labelFile`` (its name), ``sprite``:
    ``{cell: [width, height], columns: 8, perSheet: 64, pictures: [{name, label}]}``.

``GET /api/columns?name=id&name=score``
    Binary arrays: the columns, for all rows. ``id`` is always text. Numbers are float32, float64,
    or uint32 where they are whole, NaN where missing; flags uint8, 2 where missing. Further columns
    are ``has_stamp`` (flag), and after a rerank ``relevance``, ``relevance_error`` and
    ``joined_rank``.

``GET /api/order?by=strangest``
    Binary array ``rows`` (uint32), in order. ``by`` is one of ``strangest``, ``relevance``,
    ``least-sure``, ``unlabeled``, ``random`` (with ``seed``), ``similar:ROW``, ``column:NAME``, or
    ``column:NAME:asc`` or ``:desc``. Filters, which all must pass: any number of
    ``filter=NAME:LEAST:MOST`` (numbers and flags; either bound may be empty) and
    ``text=NAME:PART``; ``id=PART``; any number of ``label=LABEL``, of which one must be that of the
    row, an empty one for rows without a label.

``GET /api/sheet/N?picture=input&version=V``
    PNG: 8 x 8 cells with the pictures of rows 64 N to 64 N + 63, the first in the upper left
    corner; gray where there is no stamp. For the order ``strangest``; kept by the browser and on
    the disk. 202 while the model is loaded.

``GET /api/cells?rows=5,9,2&picture=input&version=V``
    The same for any rows, from 1 to 64, in lines of 8: for other orders.

``GET /api/source/ROW``
    ``row``, ``id``, ``columns`` (a list of ``{name, label, unit, kind, value}``), ``sky`` (null, or
    ``{ra, dec, text: [ra, dec]}`` in degrees and as text, ICRS), ``links`` (``{label, url}``),
    ``pictures`` (names), ``label`` (or null).

``GET /api/picture/ROW/NAME``
    PNG with all pixels of the stamp, and the header ``X-Range: LOW,HIGH``: the values at the ends
    of its scale of colors, in stretched intensity. 202 while the model is loaded.

``GET /api/map``
    Binary array ``places`` (float32, x and y of each row, NaN where it has none) with ``method``.
    202 while features are measured and the map is made, which the first request begins.

``GET /api/labels`` and ``GET /api/labels?since=REVISION``
    ``{revision, rows, labels, counts}``: labels of this person. With ``since`` only ``{revision}``
    if nothing has changed. Other windows label, too: ask now and then.

``POST /api/labels`` ``{"rows": [...], "label": "artifact" or null}``
    ``{revision}`` once it is on the disk; null removes a label.

``POST /api/undo`` ``{}``
    ``{revision, rows}``: the rows whose labels were taken back; empty if there was none.

``GET /api/labels.csv``
    The labels of all people as a file: id, label, by, time, model; an apostrophe precedes text that
    a spreadsheet would compute.

``POST /api/rerank`` ``{}``
    Binary arrays ``relevance``, ``relevance_error`` (float32) and ``joined_rank`` (uint32) with
    ``report``: ``labels`` that counted, ``gain``: what features have shown by leaving one label out
    after another. 202 while features are measured; 409 with fewer than five labels.
"""

import numpy as np

from astro_wgan.browsing.answers import answering, refused, writing
from astro_wgan.browsing.binary_arrays import pack_arrays
from astro_wgan.browsing.page_files import PAGE_FILES
from astro_wgan.browsing.pictures.sheets import PER_SHEET, png_bytes
from astro_wgan.browsing.rows.row_orders import row_number
from astro_wgan.optional import import_optional

__all__ = ['make_app']

#: The address of a picture has the version of the results: it never changes.
_KEPT = 'private, max-age=31536000, immutable'

#: Digits of a number in an address.
_MOST_DIGITS = 20

#: Stands for what a body does not say; it is not null, which removes a label.
_MISSING = object()


def make_app(view):
    """
    The application that answers requests about results; access is not its concern.

    Parameters
    ----------
    view : `~astro_wgan.browsing.results_view.ResultsView`

    Returns
    -------
    `starlette.applications.Starlette`
    """
    import_optional('starlette', purpose='Browsing results needs')
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    get = {
        '/': _page,
        '/page/{name}': _page,
        '/api/results': _results,
        '/api/columns': _columns,
        '/api/order': _order,
        '/api/sheet/{number}': _sheet,
        '/api/cells': _cells,
        '/api/source/{row}': _source,
        '/api/picture/{row}/{name}': _picture,
        '/api/map': _map,
        '/api/labels': _labels,
        '/api/labels.csv': _label_file,
    }
    post = {'/api/labels': _add_labels, '/api/undo': _undo, '/api/rerank': _rerank}
    routes = [Route(path, answering(answer, view), methods=['GET']) for path, answer in get.items()]
    routes += [
        Route(path, writing(answer, view), methods=['POST']) for path, answer in post.items()
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: refused})


def _page(view, request):
    name = request.path_params.get('name', 'index.html')
    if name not in PAGE_FILES:
        raise LookupError(f'The page has no file {name!r:.80}.')
    content, kind = PAGE_FILES[name]
    return content, {'media_type': kind, 'headers': {'cache-control': 'no-cache'}}


def _results(view, request):
    return view.describe()


def _columns(view, request):
    return _binary(pack_arrays(view.column_arrays(request.query_params.getlist('name'))))


def _order(view, request):
    query = request.query_params
    rows = view.ordered(
        query.get('by', 'strangest'),
        seed=_whole_number('seed', query.get('seed', '0'), 0, 2**32 - 1),
        ranges=query.getlist('filter'),
        texts=query.getlist('text'),
        id_text=query.get('id', ''),
        labels=query.getlist('label') if 'label' in query else None,
    )
    return _binary(pack_arrays({'rows': rows.astype(np.uint32)}))


def _sheet(view, request):
    number = _whole_number('N', request.path_params['number'], 0, 2**31)
    return _png(view.sheets.numbered(number, _kind(view, request)))


def _cells(view, request):
    texts = request.query_params.get('rows', '').split(',')
    if len(texts) > PER_SHEET:
        raise ValueError(f'`rows` must be at most {PER_SHEET}; got {len(texts)}.')
    rows = [row_number(text, len(view.results)) for text in texts]
    return _png(view.sheets.of_rows(rows, _kind(view, request)))


def _source(view, request):
    return view.source(row_number(request.path_params['row'], len(view.results)))


def _picture(view, request):
    row = row_number(request.path_params['row'], len(view.results))
    kind = _kind(view, request, request.path_params['name'])
    image, low, high = view.pictures.picture(kind, row)
    content, options = _png(png_bytes(image))
    return content, options | {'headers': options['headers'] | {'x-range': f'{low:.4g},{high:.4g}'}}


def _map(view, request):
    places, method = view.space.map()
    return _binary(pack_arrays({'places': places}, method=method))


def _labels(view, request):
    revision, labels = view.labels.read()
    if request.query_params.get('since') == str(revision):
        return {'revision': revision}
    values = list(labels.values())
    counts = {label: values.count(label) for label in dict.fromkeys(values)}
    return {'revision': revision, 'rows': list(labels), 'labels': values, 'counts': counts}


def _label_file(view, request):
    headers = {'content-disposition': 'attachment; filename="labels.csv"'}
    return view.labels_csv(), {'media_type': 'text/csv; charset=utf-8', 'headers': headers}


def _add_labels(view, given):
    rows, label = given.get('rows'), given.get('label', _MISSING)
    total = len(view.results)
    if not isinstance(rows, list) or not rows or not all(_is_row(row, total) for row in rows):
        raise ValueError(f'`rows` must be a list of whole numbers from 0 to {total - 1}.')
    if label is not None and not isinstance(label, str):
        raise ValueError('`label` must be a text, or null to remove one.')
    view.labels.add(rows, label)
    return {'revision': view.labels.read()[0]}


def _undo(view, given):
    rows = view.labels.undo()
    return {'revision': view.labels.read()[0], 'rows': rows}


def _rerank(view, given):
    arrays, report = view.rerank()
    return _binary(pack_arrays(arrays, report=report))


def _kind(view, request, name=None):
    name = request.query_params.get('picture', 'input') if name is None else name
    if name not in view.pictures.kinds:
        raise ValueError(
            f'`picture` must be one of {", ".join(view.pictures.kinds)}; got {name!r:.80}.'
        )
    return name


def _whole_number(name, text, least, most):
    # Python refuses to read numbers of thousands of digits, in a sentence of its own.
    is_short = text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS
    if not (is_short and least <= int(text) <= most):
        raise ValueError(
            f'`{name}` must be a whole number from {least} to {most}; got {text!r:.80}.'
        )
    return int(text)


def _is_row(value, total):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < total


def _binary(content):
    return content, {'media_type': 'application/octet-stream'}


def _png(content):
    return content, {'media_type': 'image/png', 'headers': {'cache-control': _KEPT}}
