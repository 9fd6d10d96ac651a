"""Which HDUs of a file belong to an image: by name, version and shape."""

import warnings

from astropy.utils.exceptions import AstropyUserWarning

from astro_wgan.exceptions import ImageError
from astro_wgan.images.extensions import holds_image, named_part
from astro_wgan.images.layouts.companion_planes import KINDS
from astro_wgan.images.layouts.quality_bits import has_named_bits
from astro_wgan.images.planes import long_axes

__all__ = ['find_in_file', 'fits_image', 'matching_hdu', 'with_version']


def find_in_file(hdulist, chosen, layout, where):
    """
    Find the HDUs associated with an image, by name, version and shape.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the file.
    chosen : HDU
        The image.
    layout : `~astro_wgan.images.Layout`
        Meaning of the names of extensions.
    where : str
        Name of the file, for messages.

    Returns
    -------
    dict of list of HDU
        By role; empty if the image itself has the name of something else, such as a weight.

    Warns
    -----
    AstropyUserWarning
        If an HDU has another shape. It is ignored.
    """
    own = named_part(chosen, layout)
    if own.role is not None:
        return {}
    images = [hdu for hdu in hdulist if holds_image(hdu)]
    is_only_one = sum(named_part(hdu, layout).role is None for hdu in images) == 1
    wanted = {role for role in ('mask', 'weight', *KINDS) if layout.extensions(role)}
    found = {}
    for hdu in images:
        part = named_part(hdu, layout)
        # HDUs with only a role as name belong to the only image, whatever its name.
        belongs = part.group == own.group or (is_only_one and len(part.group) == 1)
        if hdu is chosen or part.role not in wanted or not belongs:
            continue
        if not fits_image(hdu.shape, chosen.shape):
            warnings.warn(
                f'{hdu.name} of {where} is ignored: its shape, {hdu.shape}, differs from that of '
                f'the image, {chosen.shape}.',
                AstropyUserWarning,
                stacklevel=3,
            )
            continue
        found.setdefault(part.role, []).append(hdu)
    return {role: _of_the_version(hdus, chosen) for role, hdus in found.items()}


def matching_hdu(hdulist, chosen, role, layout, where, *, chips=()):
    """
    The HDU of another file that belongs to an image.

    Parameters
    ----------
    hdulist : sequence of HDU
        HDUs of the other file.
    chosen : HDU
        The image.
    role : str
        What is searched for, of `~astro_wgan.images.layouts.layout.ROLES`.
    layout : `~astro_wgan.images.Layout`
        Meaning of the names of extensions.
    where : str
        Name of the other file, for errors.
    chips : sequence of HDU, optional
        HDUs of the file of the image, of which others than the image are no match.

    Returns
    -------
    HDU
        The one with the name of the image; or else the first of the role that belongs to it; or
        else the first image that has not the name of another chip.

    Raises
    ------
    ImageError
        If there is none.
    """
    images = [hdu for hdu in hdulist if holds_image(hdu)]
    if not images:
        raise ImageError(f'{where} contains no image, only empty HDUs or tables.')
    named = [hdu for hdu in images if (hdu.name, hdu.ver) == (chosen.name, chosen.ver)]
    parts = [named_part(hdu, layout) for hdu in chips if holds_image(hdu)]
    others = {part.group for part in parts if part.role is None}
    others.discard(named_part(chosen, layout).group)
    fitting = [hdu for hdu in images if not _is_of(hdu, others, layout)]
    in_role = [hdu for hdu in fitting if named_part(hdu, layout).role == role]
    found = named or in_role or fitting
    if not found:
        raise ImageError(
            f'{where} has no extension of {chosen.name}; it has: '
            f'{", ".join(hdu.name for hdu in images)}.'
        )
    return found[0]


def _is_of(hdu, groups, layout):
    """Whether the name and version of an HDU are those of one of some groups."""
    group = named_part(hdu, layout).group
    # Without both, astropy takes it for version 1.
    return group in groups and (len(group) > 1 or 'EXTVER' in hdu.header)


def with_version(hdulist, value, chosen):
    """The name of an HDU that the caller gives, with the version of the image if there is one."""
    if not isinstance(value, str):
        return value
    versions = {(hdu.name, hdu.ver) for hdu in hdulist}
    return (value, chosen.ver) if (value.upper(), chosen.ver) in versions else value


def fits_image(shape, image_shape):
    """Whether a plane has the shape of an image, or of each plane of a cube."""
    plain = _plain_shape(shape)
    return plain in (_plain_shape(image_shape), tuple(image_shape[-2:]))


def _plain_shape(shape):
    """The shape without leading axes of length one."""
    return (*(shape[axis] for axis in long_axes(shape)), *shape[-2:])


def _of_the_version(hdus, chosen):
    """HDUs with the EXTVER of the image, if any, and masks with named bits; otherwise all."""
    if not any(hdu.ver == chosen.ver for hdu in hdus):
        return hdus
    return [hdu for hdu in hdus if hdu.ver == chosen.ver or has_named_bits(hdu)]
