"""`one_line`, `first_few`: what errors say, for another message, a table or a file."""

__all__ = ['first_few', 'one_line']

#: Failures that are told.
_TOLD = 3


def one_line(error):
    """
    The message of an error in one line.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
        Its name if it has no message.

    Examples
    --------
    >>> from astro_wgan.files.error_text import one_line
    >>> one_line(ValueError('two  spaces')), one_line(KeyError())
    ('two spaces', 'KeyError')
    """
    return ' '.join(str(error).split()) or type(error).__name__


def first_few(sentences):
    """
    The first three of some failures, and how many more there are, to go on with in a sentence.

    Parameters
    ----------
    sentences : list of str

    Returns
    -------
    str

    Examples
    --------
    >>> from astro_wgan.files.error_text import first_few
    >>> first_few(['a is empty.', 'b is empty.', 'c is empty.', 'd is empty.'])
    'a is empty; b is empty; c is empty; and 1 more'
    """
    shown = '; '.join(sentence.rstrip('.') for sentence in sentences[:_TOLD])
    return shown + (f'; and {len(sentences) - _TOLD} more' if len(sentences) > _TOLD else '')
