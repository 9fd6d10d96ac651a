"""Files of the page of results, by the names that a browser may ask for."""

from importlib.resources import files

__all__ = ['PAGE_FILES']

_KINDS = {
    '.html': 'text/html; charset=utf-8',
    '.css': 'text/css; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
}

#: Of the gallery, which has the same colors and texts.
_SHARED = ('base.css', 'text.js')

_PATHS = [
    *(files('astro_wgan.browsing') / 'page').iterdir(),
    *(files('astro_wgan.gallery') / name for name in _SHARED),
]

#: Content and type of each file, read once: no name from a browser is ever part of a path.
PAGE_FILES = {
    path.name: (path.read_bytes(), _KINDS[path.name[path.name.rfind('.') :]])
    for path in _PATHS
    if path.name[path.name.rfind('.') :] in _KINDS
}
