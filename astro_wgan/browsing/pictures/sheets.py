"""`Sheets`: many small pictures in one file, made when a page needs them and kept."""

from collections import OrderedDict
from io import BytesIO
from threading import Lock

import numpy as np
from PIL import Image

__all__ = ['PER_SHEET', 'Sheets', 'png_bytes']

#: Pictures along the edge of a sheet, and of all of it.
COLUMNS = 8
PER_SHEET = COLUMNS**2

#: Bytes of files that are kept in memory.
_MEMORY = 2**26

#: How a PNG begins and ends.
_PNG_BEGIN, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'

#: Color of a cell without a picture.
_NO_PICTURE = (128, 128, 128)


class Sheets:
    """
    Sheets of pictures.

    Parameters
    ----------
    pictures : `~astro_wgan.browsing.pictures.source_pictures.Pictures`
    cache : `~astro_wgan.browsing.pictures.page_cache.PageCache`
    total : int
        Number of rows.
    """

    def __init__(self, pictures, cache, total):
        self.pictures, self._cache, self._total = pictures, cache, total
        self._memory, self._lock = OrderedDict(), Lock()

    def numbered(self, number, kind):
        """
        The sheet of rows ``number * 64`` up to the next.

        Parameters
        ----------
        number : int
        kind : str
            One of the kinds of the pictures.

        Returns
        -------
        bytes
            PNG.

        Raises
        ------
        LookupError
            If there is no such sheet.
        """
        rows = range(self._total)[number * PER_SHEET : (number + 1) * PER_SHEET]
        if number < 0 or not rows:
            last = -(-self._total // PER_SHEET) - 1
            raise LookupError(f'There are sheets from 0 to {last}; got {number}.')
        name = f'{kind}-{number:06d}.png'
        content = self._remembered(name) or self._kept(name)
        if content is None:
            content = self.of_rows(rows, kind)
            self._cache.write(name, content)
        self._remember(name, content)
        return content

    def of_rows(self, rows, kind):
        """The sheet of any rows, at most 64, in their order, as PNG."""
        cells, known = self.pictures.cells(kind, rows)
        width, height = self.pictures.cell
        lines = -(-len(rows) // COLUMNS)
        sheet = np.empty((lines, height, COLUMNS, width, 3), dtype=np.uint8)
        sheet[:] = _NO_PICTURE
        for k in np.flatnonzero(known):
            sheet[k // COLUMNS, :, k % COLUMNS] = cells[k]
        return png_bytes(sheet.reshape(lines * height, COLUMNS * width, 3))

    def _kept(self, name):
        """The file of an earlier server, unless it is damaged or none of its own."""
        content = self._cache.read(name)
        is_whole = content and content.startswith(_PNG_BEGIN) and content.endswith(_PNG_END)
        return content if is_whole else None

    def _remembered(self, name):
        with self._lock:
            if name in self._memory:
                self._memory.move_to_end(name)
            return self._memory.get(name)

    def _remember(self, name, content):
        with self._lock:
            self._memory[name] = content
            self._memory.move_to_end(name)
            while sum(map(len, self._memory.values())) > _MEMORY:
                self._memory.popitem(last=False)


def png_bytes(image):
    """A PNG file of colors, compressed little, as it does not leave the machine."""
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, format='PNG', compress_level=1)
    return file.getvalue()
