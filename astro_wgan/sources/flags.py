"""What may be wrong with the measurements of a source."""

from enum import IntFlag

__all__ = ['SourceFlag']


class SourceFlag(IntFlag):
    """
    Bits of the column ``flags``. The first five are those of SExtractor.

    Examples
    --------
    >>> from astro_wgan.sources import SourceFlag
    >>> SourceFlag(10)
    <SourceFlag.BLENDED|TOUCHES_BORDER: 10>
    """

    #: Pixels of neighbors fill more than a tenth of the Kron aperture.
    CROWDED = 1
    #: The source was one with another before deblending.
    BLENDED = 2
    #: A pixel of the source is saturated.
    SATURATED = 4
    #: Pixels of the source lie at the edge of the stamp.
    TOUCHES_BORDER = 8
    #: The Kron aperture leaves the stamp.
    APERTURE_LEAVES_STAMP = 16
    #: Masked pixels lie in the Kron aperture.
    MASKED = 256
    #: The flux has no Kron radius: the aperture is the smallest allowed.
    NO_KRON_RADIUS = 512
    #: The growth curve does not reach half of the flux: the radius is a lower limit, or NaN.
    NO_HALF_LIGHT_RADIUS = 1024
    #: Light fills the stamp and counts as sky there: the flux is too low, by some 10 percent or
    #: more. State the ``background``, or take a larger stamp.
    STAMP_FILLED = 2048
