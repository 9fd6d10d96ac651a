"""File names of surveys as templates, and the files that lie beside an image."""

import re
from glob import escape
from pathlib import Path

__all__ = [
    'COMPRESSED',
    'check_template',
    'find_sibling',
    'in_words',
    'is_template',
    'match_name',
    'words_of',
]

#: A word in braces, and what it may be.
_WORD = re.compile(r'\{(\w+)(?:=([^{}]+))?\}')

#: Ends of the names of compressed files, as they are usually written, and names of FITS files.
COMPRESSED = ('.gz', '.fz', '.bz2', '.xz', '.Z', '.zip')
_FITS = re.compile(
    rf'.*\.(fits|fit|fts)(?P<packed>{"|".join(map(re.escape, COMPRESSED))})?', re.IGNORECASE
)


def is_template(text):
    """Whether a text is the name of a file, rather than a word in the name of an extension."""
    return '.' in text or '{' in text or '*' in text


def words_of(template):
    """Words in braces of a template."""
    return {word for word, _ in _WORD.findall(template)}


def check_template(template):
    """
    Check the name of a file.

    Raises
    ------
    ValueError
        If braces hold no word, or it is the name of a folder on a disk.
    """
    rest = _WORD.sub('', template)
    if '{' in rest or '}' in rest or not all(map(str.isidentifier, words_of(template))):
        raise ValueError(
            f'Braces in the name of a file must hold a word, as in {{band}}; got {template!r}.'
        )
    if Path(template).is_absolute():
        raise ValueError(
            'The name of a file must be relative to the folder of the image, as in '
            f"'weights/{{band}}_wht.fits'; got {template!r}."
        )


def match_name(templates, name):
    """
    The words of the first template that a file name has, in any case.

    Parameters
    ----------
    templates : sequence of str
        Such as ``'{tile}_{band}_sci.fits*'``. A word may be restricted to several texts, as in
        ``'{exposure}_o{kind=o,p,s}i_{rest}'``.
    name : str
        Name of a file, without folder.

    Returns
    -------
    dict of str, or None
        None if no template fits.

    Examples
    --------
    >>> from astro_wgan.images.layouts.siblings import match_name
    >>> match_name(['{tile}-{band}.sci.fits*'], 'DR4_131.0_1.5-r.sci.fits.gz')
    {'tile': 'DR4_131.0_1.5', 'band': 'r'}
    >>> match_name(['{exposure}_o{kind=o,p,s}i_{rest}'], 'c4d_1_osi_r.fits')['kind']
    's'
    """
    for template in templates:
        found = _pattern(template).fullmatch(name)
        if found:
            return found.groupdict()
    return None


def in_words(template, words):
    """A template with its words replaced by those of a file name."""
    return _WORD.sub(lambda found: words[found[1]], template)


def find_sibling(path, template, words):
    """
    The file beside an image that has the name of a template.

    Parameters
    ----------
    path : `~pathlib.Path` or `~astro_wgan.remote.remote_path.RemotePath`
        The image.
    template : str
        Name of the sibling.
    words : dict of str
        Words of the name of the image.

    Returns
    -------
    of the type of ``path``, or None
        Of several, the last by name, which is that of the last version where names hold it; if it
        is also there without compression, that. With a ``*`` at the end of the template, only FITS
        files count. The image is not beside itself.
    """
    folder = path.parent
    name = in_words(template.removesuffix('*'), words)
    if '*' not in template:
        found = [folder / name]
    elif '*' not in name and template.lower().endswith('.fits*'):
        # Folders of many cutouts take long to list.
        found = [folder / f'{name}{end}' for end in ('', *COMPRESSED)]
    else:
        escaped = {word: escape(text) for word, text in words.items()}
        found = folder.glob(in_words(template, escaped))
        if template.endswith('*'):
            found = (other for other in found if _FITS.fullmatch(other.name))
    found = [other for other in found if other.is_file() and other != path]
    return max(found, key=_order, default=None)


def _order(path):
    """Name without compression, and whether there is none."""
    found = _FITS.fullmatch(path.name)
    packed = (found and found['packed']) or ''
    return path.name.removesuffix(packed), not packed


def _pattern(template):
    """The template as a regular expression. A word is as short as possible, the last as long."""
    parts, seen, end = [], set(), 0
    for found in _WORD.finditer(template):
        parts.append(_as_pattern(template[end : found.start()]))
        word, texts = found.groups()
        content = '.+?' if texts is None else '|'.join(map(re.escape, texts.split(',')))
        parts.append(f'(?P={word})' if word in seen else f'(?P<{word}>{content})')
        seen.add(word)
        end = found.end()
    parts.append(_as_pattern(template[end:]))
    return re.compile(''.join(parts), re.IGNORECASE)


def _as_pattern(text):
    return re.escape(text).replace(r'\*', '.*')
