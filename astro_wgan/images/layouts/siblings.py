"""File names of surveys as templates, and the files that lie beside an image."""

import re
from glob import escape
from pathlib import Path

__all__ = ['find_sibling', 'in_words', 'is_template', 'match_name', 'words_of']

_WORD = re.compile(r'\{(\w+)\}')


def is_template(text):
    """Whether a text is the name of a file, rather than a word in the name of an extension."""
    return '.' in text or '{' in text or '*' in text


def words_of(template):
    """Words in braces of a template."""
    return set(_WORD.findall(template))


def match_name(templates, name):
    """
    The words of the first template that a file name has, in any case.

    Parameters
    ----------
    templates : sequence of str
        Such as ``'{tile}_{band}_sci.fits*'``.
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
    path : `~pathlib.Path`
        The image.
    template : str
        Name of the sibling.
    words : dict of str
        Words of the name of the image.

    Returns
    -------
    `~pathlib.Path` or None
        Of several, the last by name, which is that of the last version where names hold it.
    """
    pattern = _WORD.sub(lambda found: escape(words[found[1]]), template)
    found = [other for other in Path(path).parent.glob(pattern) if other.is_file()]
    return max(found, key=lambda other: other.name, default=None)


def _pattern(template):
    """The template as a regular expression. A word is as short as possible, the last as long."""
    parts, seen = [], set()
    for k, part in enumerate(_WORD.split(template)):
        if k % 2 == 0:
            parts.append(re.escape(part).replace(r'\*', '.*'))
        else:
            parts.append(f'(?P={part})' if part in seen else f'(?P<{part}>.+?)')
            seen.add(part)
    return re.compile(''.join(parts), re.IGNORECASE)
