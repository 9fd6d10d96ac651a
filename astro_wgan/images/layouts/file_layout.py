"""`FileLayout`: the layout of one file, and the sibling files that it names."""

from dataclasses import dataclass, field

from astro_wgan.exceptions import ImageError
from astro_wgan.images.extensions import choose_hdu, hdu_name
from astro_wgan.images.layouts.layout import ROLES, Layout
from astro_wgan.images.layouts.layout_registry import recognized_layout
from astro_wgan.images.layouts.siblings import find_sibling, in_words, match_name

__all__ = ['FileLayout', 'find_layout']


@dataclass(frozen=True, eq=False)
class FileLayout:
    """
    The layout of a file.

    Attributes
    ----------
    layout : `~astro_wgan.images.Layout`
    is_auto : bool
        Whether it was chosen from headers and names, rather than by the caller.
    words : dict of str
        Words in braces of the name of the file.
    siblings : dict of `~pathlib.Path`
        Files beside it, by role.
    missing : tuple of str
        Names of siblings that do not exist, with words in braces if the name of the image has not
        those of the layout.
    """

    layout: Layout
    is_auto: bool
    words: dict = field(default_factory=dict)
    siblings: dict = field(default_factory=dict)
    missing: tuple = ()


def find_layout(hdulist, path, options, where):
    """
    The layout of a file, and its siblings.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    path : `~pathlib.Path`, `~astro_wgan.remote.remote_path.RemotePath` or None
        Its path; None in memory.
    options : `~astro_wgan.images.read_options.ReadOptions`
        The requested layout.
    where : str
        Name of the file, for messages.

    Returns
    -------
    `FileLayout`

    Raises
    ------
    ImageError
        If the caller asked for a layout of which a sibling does not exist, or whose siblings cannot
        be found by the name of the file.
    """
    layout = options.layout
    if options.is_auto:
        chosen = choose_hdu(hdulist, options.hdu, options.plane, where)
        headers = [chosen.header, hdulist[0].header]
        names = {hdu_name(hdu) for hdu in hdulist}
        layout = recognized_layout(path and path.name, headers, names)
    wanted = {role: layout.siblings(role) for role in ROLES if layout.siblings(role)}
    # Without `files`, names beside have no words.
    words = None
    if path:
        words = match_name(layout.files, path.name) if layout.files else {}
    # Roles that are found in the file, or beside it.
    needed = [role for role in wanted if not layout.extensions(role)]
    if wanted and not getattr(path, 'has_siblings', True):
        if needed and not options.is_auto:
            raise ImageError(
                f'The layout {layout.name!r} finds other files beside the image, but the address '
                f'of {where} has a query or is a chain, and does not say where they are: give '
                'their addresses as `mask`, `weight` or `uncertainty`.'
            )
        missing = tuple(layout.siblings(role)[0] for role in needed)
        return FileLayout(layout, options.is_auto, words or {}, missing=missing)
    if words is None:
        if needed and not options.is_auto:
            raise ImageError(
                f'The layout {layout.name!r} finds other files by the name of the image'
                f'{f", such as {layout.files[0]!r}" if layout.files else ""}; got {where}.'
            )
        missing = tuple(wanted[role][0] for role in needed if path)
        return FileLayout(layout, options.is_auto, missing=missing)
    siblings, missing = {}, []
    for role, templates in wanted.items():
        found = [find_sibling(path, template, words) for template in templates]
        found = [other for other in found if other is not None]
        if found:
            siblings[role] = found[0]
        elif role in needed:
            missing.append(in_words(templates[0], words))
    if missing and not options.is_auto:
        raise ImageError(
            f'The layout {layout.name!r} needs {" and ".join(missing)} beside {where}. Without: '
            "layout='auto', or a layout of your own, as by dataclasses.replace."
        )
    return FileLayout(layout, options.is_auto, words, siblings, tuple(missing))
