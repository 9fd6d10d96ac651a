"""
Script of the process in which `astro_wgan.files.hdf5` reads files with h5py.

It imports only NumPy and h5py. Each line of its input is a request in JSON. It answers with a line
of JSON, followed by the numbers of a dataset as bytes.
"""

import json
import signal
import sys

import h5py
import numpy as np

#: Bytes that are read and sent at a time.
_SLAB = 2**26

#: Maximum length of a text attribute. Longer ones, such as settings of programs, are not sent.
_LONGEST_TEXT = 10_000

#: Maximum number of soft links to follow, as in HDF5.
_MOST_LINKS = 16


def main():
    """Answer requests for the file given on the command line until there are no more."""
    path, most_bytes, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    _limit_memory(most_bytes)
    _end_after(seconds)
    try:
        file = h5py.File(path, 'r')
    except OSError as error:
        _answer(error=f'is no HDF5 file: {error}')
        return
    _answer()
    _end_after(0)
    for line in sys.stdin.buffer:
        question = json.loads(line)
        _end_after(question['seconds'])
        try:
            found = _find(file, question['name'])
            if question['column'] is None and not question['read']:
                _answer(**_describe(found))
            else:
                _send(found, question['column'])
        except KeyError:
            _answer(kind='nothing')
        except MemoryError:
            _answer(error='takes more memory than is allowed')
        except Exception as error:  # h5py has no common class of errors
            _answer(error=f'cannot be read: {error}')
        _end_after(0)


def _end_after(seconds):
    """End this process after a time limit, in case the parent no longer does; 0 for never."""
    if hasattr(signal, 'SIGALRM'):
        signal.setitimer(signal.ITIMER_REAL, 3 * seconds)


def _limit_memory(most_bytes):
    try:
        import resource
    except ImportError:  # not a system of the Unix kind
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _answer(**words):
    sys.stdout.buffer.write(json.dumps(words).encode() + b'\n')
    sys.stdout.buffer.flush()


def _find(file, name, links=0):
    """A group or dataset of the file itself, without links to other files."""
    found = file
    for part in [part for part in name.split('/') if part]:
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f'{part!r} is a link to another file, {link.filename!r}')
        if isinstance(link, h5py.SoftLink):
            if links == _MOST_LINKS:
                raise ValueError(f'{part!r} is an endless chain of links')
            begin = '' if link.path.startswith('/') else found.name
            found = _find(file, f'{begin}/{link.path}', links + 1)
        elif link is None:
            raise KeyError(part)
        else:
            found = found[part]
    return found


def _describe(found):
    words = {'attributes': {name: _plain(value) for name, value in found.attrs.items()}}
    if isinstance(found, h5py.Group):
        return words | {'kind': 'group', 'names': list(found)}
    if not isinstance(found, h5py.Dataset):
        return words | {'kind': 'a type'}
    if found.is_virtual or found.external:
        raise ValueError(f'{found.name!r} lies in other files')
    if found.shape is None or found.dtype.kind not in 'biuf':
        return words | {'kind': 'dataset of other values than numbers'}
    chunk = int(np.prod(found.chunks or (), dtype=object)) * found.dtype.itemsize
    words |= {'shape': found.shape, 'type': found.dtype.str, 'chunk': chunk}
    return words | {'kind': 'dataset'}


def _plain(value):
    """The value of an attribute for JSON; None unless it is a short text or few numbers."""
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    value = np.asarray(value)
    if value.dtype.kind in 'SU' and value.size == 1:
        return _plain(value.ravel()[0].item())
    return value.tolist() if value.dtype.kind in 'biuf' and value.size <= 1000 else None


def _send(dataset, column):
    words = _describe(dataset)
    if words['kind'] != 'dataset':
        raise ValueError(f'{dataset.name!r} contains no numbers')
    _answer(**words)
    if not dataset.shape:
        sys.stdout.buffer.write(dataset[()].tobytes())
    else:
        row = dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64))
        rows = max(1, _SLAB // max(1, row))
        for start in range(0, dataset.shape[0], rows):
            part = slice(start, start + rows)
            values = dataset[part] if column is None else dataset[part, column]
            sys.stdout.buffer.write(values.tobytes())
    sys.stdout.buffer.flush()


if __name__ == '__main__':
    main()
