"""Conversion of real numbers to float32 or float64."""

import numpy as np

__all__ = ['as_float']


def as_float(values, name):
    """
    Convert real numbers to native float32 or float64, without a copy if possible.

    Integers of up to 16 bits become float32, without loss; wider ones float64.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    """
    values = np.asarray(values)
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind not in 'fiub':
        raise TypeError(f'`{name}` must be real numbers; got dtype {values.dtype}.')
    narrow = size <= (4 if kind == 'f' else 2)
    with np.errstate(over='ignore'):  # wider floats beyond the range of float64 become infinite
        return values.astype(np.float32 if narrow else np.float64, copy=False)
