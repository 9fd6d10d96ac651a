"""`SourceFlag`: quality flags of measured sources."""

from enum import IntFlag

__all__ = ['SourceFlag']


class SourceFlag(IntFlag):
    """
    Bits of the column ``flags``. The first five are the same as in SExtractor.

    Examples
    --------
    >>> from astro_wgan.sources import SourceFlag
    >>> SourceFlag(10)
    <SourceFlag.BLENDED|TOUCHES_BORDER: 10>
    """

    #: Neighbors cover more than a tenth of the Kron aperture.
    CROWDED = 1
    #: The source was blended with another one.
    BLENDED = 2
    #: At least one pixel of the source is saturated.
    SATURATED = 4
    #: The source touches the border of the stamp.
    TOUCHES_BORDER = 8
    #: The Kron aperture extends beyond the stamp.
    APERTURE_TRUNCATED = 16
    #: The Kron aperture contains masked pixels.
    MASKED = 256
    #: The Kron radius could not be measured: the minimum aperture was used.
    NO_KRON_RADIUS = 512
    #: The curve of growth does not reach half of the flux: the radius is a lower limit, or NaN.
    NO_HALF_LIGHT_RADIUS = 1024
    #: Light fills the stamp and was subtracted as background: the flux is too low by 10 percent or
    #: more. Give the ``background`` level, or use a larger stamp.
    STAMP_FILLED = 2048
