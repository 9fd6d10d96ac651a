"""`one_line`: what an error says, for another message, a table or a file."""

__all__ = ['one_line']


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
