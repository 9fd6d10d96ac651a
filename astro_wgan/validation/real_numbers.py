"""Real numbers in the two dtypes that the rest of the package computes in."""

import numpy as np

__all__ = ['as_float']


def as_float(values, name):
    """
    Real numbers as native float32 or float64, without a copy where they are that already.

    Integers of up to 16 bits fit float32 without loss; wider ones become float64.

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
    with np.errstate(over='ignore'):  # of wider floats: what float64 does not hold is no number
        return values.astype(np.float32 if narrow else np.float64, copy=False)
