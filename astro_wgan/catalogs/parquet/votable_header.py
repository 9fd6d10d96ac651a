"""`votable_header`: columns of a table as a VOTable document without data, which TOPCAT reads."""

import warnings
from xml.etree import ElementTree

__all__ = ['votable_header']

#: Names of types of VOTable for kinds of numbers, by their size in bytes.
_TYPES = {
    'b': {1: 'boolean'},
    'i': {1: 'short', 2: 'short', 4: 'int', 8: 'long'},
    'u': {1: 'unsignedByte', 2: 'int', 4: 'long', 8: 'long'},
    'f': {2: 'float', 4: 'float', 8: 'double'},
}

_UCDS = {'id': 'meta.id;meta.main', 'ra': 'pos.eq.ra;meta.main', 'dec': 'pos.eq.dec;meta.main'}


def votable_header(columns, units, descriptions):
    """
    A VOTable document of the columns of a Parquet file.

    It is the value of the key ``IVOA.VOTable-Parquet.content`` in the metadata of the file
    (https://www.ivoa.net/documents/Notes/VOParquet/).

    Parameters
    ----------
    columns : dict of `~numpy.ndarray`
        The columns in the order of the file: numbers, truth values or text.
    units : dict of `~astropy.units.UnitBase`
        Units of those that have one.
    descriptions : dict of str
        Descriptions of those that have one.

    Returns
    -------
    bytes

    Examples
    --------
    >>> import numpy as np
    >>> from astropy import units as u
    >>> from astro_wgan.catalogs.parquet.votable_header import votable_header
    >>> b'datatype="double"' in votable_header({'ra': np.zeros(1)}, {'ra': u.deg}, {})
    True
    """
    root = ElementTree.Element(
        'VOTABLE', version='1.4', xmlns='http://www.ivoa.net/xml/VOTable/v1.3'
    )
    table = ElementTree.SubElement(ElementTree.SubElement(root, 'RESOURCE'), 'TABLE')
    for name, values in columns.items():
        about = {'name': name}
        if values.dtype.kind == 'U':
            about |= {'datatype': 'unicodeChar', 'arraysize': '*'}
        else:
            about['datatype'] = _TYPES[values.dtype.kind][values.dtype.itemsize]
            if values.ndim > 1:
                about['arraysize'] = 'x'.join(map(str, values.shape[:0:-1]))
        if name in units:
            about['unit'] = _unit_text(units[name])
        if name in _UCDS:
            about['ucd'] = _UCDS[name]
        column = ElementTree.SubElement(table, 'FIELD', about)
        if descriptions.get(name):
            ElementTree.SubElement(column, 'DESCRIPTION').text = descriptions[name]
    return ElementTree.tostring(root, encoding='utf-8', xml_declaration=True)


def _unit_text(unit):
    with warnings.catch_warnings():
        # Of units that the standard of VOTable deprecates, or does not have.
        warnings.simplefilter('ignore')
        try:
            return unit.to_string('vounit')
        except Exception:  # formats of units raise various errors
            return unit.to_string()
