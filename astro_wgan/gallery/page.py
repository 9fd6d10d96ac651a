"""`write_gallery`: a page of ranked stamps, from HTML, base.css (colors), page.css and page.js."""

import json
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from importlib.resources import files
from numbers import Real
from pathlib import Path
from string import Template

import numpy as np
from astropy.table import Table

from astro_wgan.catalogs.columns import numbers_or_nan
from astro_wgan.files.atomic import atomic_write
from astro_wgan.gallery.cards import (
    card_columns,
    contribution_labels,
    id_texts,
    real_numbers,
    sky_text,
)
from astro_wgan.gallery.color_key import color_key_html
from astro_wgan.gallery.page_text import visible
from astro_wgan.gallery.summary import (
    flag_percentiles,
    histogram_html,
    notes_html,
    provenance_html,
    ranking_html,
    summary_html,
    thresholds_html,
)
from astro_wgan.stamps.intensity.color_composites import combine_bands, lupton_softening
from astro_wgan.stamps.png import (
    MASKED_COLOR,
    image_png,
    image_range,
    residual_colors,
    residual_map,
    residual_png,
    residual_range,
)
from astro_wgan.validation.pixels import as_pixel_scale

__all__ = ['write_gallery']

_GRADIENT_STOPS = 21


def write_gallery(
    path,
    table,
    *,
    rows,
    inputs,
    closest_images,
    residuals,
    title='Most anomalous stamps',
    notes=(),
    columns=None,
    origin='lower',
    rgb=None,
    bands=(),
    stretch=None,
    pixel_scale=None,
):
    """
    Write a page of ranked cards: input, closest image, residual, score.

    Parameters
    ----------
    path : path-like
        HTML file to write; an existing one is replaced.
    table : `~astropy.table.QTable`
        Scores of all stamps, as `astro_wgan.AnomalyDetector.score` returns them. The columns
        ``id``, ``score`` and ``rank`` are required; others are shown if present.
    rows : array_like of int, shape (n,)
        Stamps to show, as rows of ``table`` in order of rank.
    inputs, closest_images, residuals : array_like, shape (n, ny, nx) or (n, ny, nx, bands)
        Images of those stamps in stretched intensity, NaN where masked.
    title : str, optional
        Title of the page.
    notes : str or sequence of str, optional
        Paragraphs of plain text at the top of the page.
    columns : sequence of str, optional
        Further columns of ``table`` to show and to sort by; by default all with one number, text
        or boolean per row.
    origin : {'lower', 'upper'}, optional
        Whether the first row of an image is shown at the bottom, as astronomers do, or at the
        top, as in pictures from cameras (JPEG, PNG).
    rgb : tuple of str or int, optional
        Names or numbers of the bands to show in red, green and blue, such as ``('i', 'r', 'g')``.
        By default all bands are used, in the order of their wavelengths, red the longest; bands
        without wavelengths from the shortest on, but three as red, green and blue.
    bands : sequence of `~astro_wgan.stamps.Band`, optional
        Names and wavelengths of the bands.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        The stretch of the images. With an asinh stretch, colors are those of the linear
        intensities, as made by `~astropy.visualization.make_lupton_rgb`; otherwise each color is
        scaled by itself.
    pixel_scale : `~astropy.units.Quantity`, optional
        Angle on the sky of one pixel's edge, for a scale bar.

    Returns
    -------
    `~pathlib.Path`
        The file. It makes no network requests, and its content security policy forbids any.

    Raises
    ------
    ValueError
        If shapes disagree, rows or columns are not in the table, scores are not numbers, or an
        option is unknown.
    TypeError
        If ``table`` is not a table.
    astropy.units.UnitsError
        If ``pixel_scale`` is not an angle.

    Notes
    -----
    Input and closest image of a card share one range of intensity, from 0.5 to 99.9 percent of
    their pixels. All residuals of a page share one range, so that they can be compared. Residuals
    of several bands are combined by the largest absolute value.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from astropy.table import QTable
    >>> from astro_wgan.gallery import write_gallery
    >>> table = QTable({'id': [7, 8], 'score': [0.2, 0.9], 'rank': [2, 1]})
    >>> images = np.random.default_rng(1).normal(size=(2, 32, 32))
    >>> path = write_gallery(mkdtemp() + '/gallery.html', table, rows=[1, 0], inputs=images,
    ...                      closest_images=0 * images, residuals=images)
    >>> path.name
    'gallery.html'
    """
    rows = _checked_rows(table, rows)
    notes = [notes] if isinstance(notes, str) else notes
    _check_texts(title, notes)
    inputs, closest, residuals = _checked_images(len(rows), inputs, closest_images, residuals)
    if origin not in ('lower', 'upper'):
        raise ValueError(f"`origin` must be 'lower' or 'upper'; got {origin!r}.")
    if pixel_scale is not None:
        pixel_scale = as_pixel_scale(pixel_scale)
    facts = card_columns(
        table, rows, columns=columns, mean_intensity=[_mean_of_valid(image) for image in inputs]
    )
    if origin == 'lower':
        inputs, closest, residuals = (x[:, ::-1] for x in (inputs, closest, residuals))
    residuals = residual_map(residuals)
    limit = residual_range(residuals)
    options = {'bands': bands, 'rgb': rgb}
    color_key = color_key_html(inputs.shape[3] if inputs.ndim == 4 else 1, **options)
    inputs, closest = (
        combine_bands(images, stretch=stretch, **options) for images in (inputs, closest)
    )
    pictures, ranges = _pictures(inputs, closest, residuals, limit, lupton_softening(stretch))
    shape = residuals.shape[1:]
    ids, title = id_texts(table, rows), visible(title)
    data = {
        'title': title,
        'total': len(table),
        'shape': shape,
        'percentiles': flag_percentiles(table),
        'gamma': _gamma(table),
        'contributions': contribution_labels(facts),
        'scaleBar': _scale_bar(pixel_scale, shape[1]),
        'ids': ids,
        'sky': sky_text(table, rows),
        'columns': [vars(column) for column in facts],
        'ranges': ranges,
        'pictures': pictures,
    }
    page = _page(
        title=escape(title),
        summary=summary_html(table, shown=len(rows), shape=shape, pixel_scale=pixel_scale),
        thresholds=thresholds_html(table),
        histogram=histogram_html(table),
        notes=notes_html(notes),
        provenance=provenance_html(table),
        color_key=color_key,
        residual_limit=f'{limit:.3g}',
        ranking=ranking_html(facts, ids),
        data=_json_for_script(data),
    )
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding='utf-8', newline='\n')
    return Path(path)


def _check_texts(title, notes):
    if not isinstance(title, str):
        raise ValueError(f'`title` must be text; got {title!r}.')
    if not isinstance(notes, Iterable) or not all(isinstance(note, str) for note in notes):
        raise ValueError(f'`notes` must be text, or a list of texts; got {notes!r}.')


def _checked_rows(table, rows):
    if not isinstance(table, Table):
        raise TypeError(f'`table` must be a table of astropy; got {type(table).__name__}.')
    for name in ('id', 'score', 'rank'):
        if name not in table.colnames:
            raise ValueError(f'`table` must have a column {name!r}; got {table.colnames}.')
    real_numbers(table, 'score')
    try:
        rows = np.asarray(rows)
    except ValueError:  # lists of different lengths
        rows = np.asarray(None)
    if rows.size == 0:
        return np.zeros(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in 'iu':
        raise ValueError(f'`rows` must be a list of row numbers; got {rows!r}.')
    if rows.min() < 0 or rows.max() >= len(table):
        raise ValueError(
            f'`rows` must lie between 0 and {len(table) - 1}, as `table` has {len(table)} rows; '
            f'got {rows.min()} to {rows.max()}.'
        )
    return rows


def _checked_images(n, inputs, closest_images, residuals):
    images = {'inputs': inputs, 'closest_images': closest_images, 'residuals': residuals}
    images = {name: _as_images(stack, name) for name, stack in images.items()}
    shape = images['inputs'].shape
    for name, stack in images.items():
        if stack.ndim not in (3, 4) or len(stack) != n or stack.shape != shape:
            raise ValueError(
                f'`{name}` must hold one image per row, as an array ({n}, ny, nx) or '
                f'({n}, ny, nx, bands) like the others; got the shape {stack.shape}.'
            )
    return images.values()


def _as_images(stack, name):
    """As float32, clipped to its range, and NaN where not finite."""
    try:
        stack = numbers_or_nan(stack)
    except ValueError:  # lists of different lengths
        stack = np.asarray(None)
    if stack.dtype.kind not in 'biuf':
        raise ValueError(f'`{name}` must be images of real numbers; got dtype {stack.dtype}.')
    largest = np.finfo(np.float32).max
    images = np.clip(stack, -largest, largest).astype(np.float32) if stack.dtype != bool else stack
    return np.where(np.isfinite(stack), images, np.float32(np.nan))


def _mean_of_valid(image):
    values = image[np.isfinite(image)]
    return float(values.mean(dtype=float)) if values.size else np.nan


def _pictures(inputs, closest, residuals, limit, softening):
    """Per card: input, closest image and residual as base64, and the range of the first two."""
    pictures, ranges = [], []
    for image, near, left in zip(inputs, closest, residuals, strict=True):
        low, high = image_range(image, near)
        pngs = [image_png(part, low, high, softening=softening) for part in (image, near)]
        pngs.append(residual_png(left, limit))
        pictures.append([b64encode(png).decode('ascii') for png in pngs])
        ranges.append([float(f'{low:.4g}'), float(f'{high:.4g}')])
    return pictures, ranges


def _gamma(table):
    search = table.meta.get('search')
    gamma = search.get('gamma') if isinstance(search, dict) else None
    return float(gamma) if isinstance(gamma, Real) and np.isfinite(gamma) else None


def _scale_bar(pixel_scale, nx):
    """A round angle of about a quarter of a stamp, and its fraction of the width of the stamp."""
    if pixel_scale is None:
        return None
    width = nx * pixel_scale.to_value('arcsec / pix')
    steps = [factor * 10.0**power for power in range(-4, 5) for factor in (1, 2, 5)]
    angle = min(steps, key=lambda step: abs(np.log(step / (width / 4))))
    # No bar in very narrow stamps, in which none fits, or very wide ones.
    return {'label': f'{angle:g}″', 'fraction': angle / width} if 0.05 < angle / width < 1 else None


def _json_for_script(data):
    """JSON without `<`, so that no text in it can end the script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(',', ':'))
    return text.replace('<', '\\u003c')


def _page(**parts):
    folder = files('astro_wgan.gallery')
    names = ('page.html', 'base.css', 'page.css', 'text.js', 'page.js')
    page, base, style, text, script = (
        (folder / name).read_text(encoding='utf-8') for name in names
    )
    style = style.replace('/* colors and elements of base.css */', base)
    style = style.replace('/* colors of the pictures */', _picture_colors())
    # A page that is opened as a file cannot import modules.
    script = script.replace('/* functions of text.js */', text.replace('\nexport ', '\n'))
    # Only this style and this script are allowed: text in a table cannot act as either.
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_content_hash(style)}'; script-src '{_content_hash(script)}'"
    )
    return Template(page).substitute(parts, policy=policy, style=style, script=script)


def _picture_colors():
    masked = 'rgb({} {} {})'.format(*MASKED_COLOR)
    stops = ', '.join('rgb({} {} {})'.format(*c) for c in residual_colors(_GRADIENT_STOPS))
    return f':root {{ --masked: {masked}; --residuals: linear-gradient(to right, {stops}); }}'


def _content_hash(text):
    return 'sha256-' + b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')
