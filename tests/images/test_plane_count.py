import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from PIL import Image

from astro_wgan.exceptions import ImageError
from astro_wgan.images import read_image
from astro_wgan.images.plane_count import count_planes

CUBE = np.random.default_rng(1).normal(size=(3, 20, 24)).astype(np.float32)
COLORS = np.random.default_rng(2).integers(0, 255, size=(20, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ('source', 'count'),
    [
        (CUBE, 3),
        (CUBE[:1], None),
        (CUBE[0], None),
        (CUBE[np.newaxis], 3),
        (CUBE * u.nJy, 3),
        (np.ma.array(CUBE, mask=CUBE > 0), 3),
        (CUBE.tolist(), 3),
        (CCDData(CUBE, unit='nJy'), 3),
        (fits.ImageHDU(CUBE), 3),
        (fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(CUBE)]), 3),
        ([[1, 2], [3]], None),
    ],
)
def test_planes_of_objects(source, count):
    assert count_planes(source) == (count, False)


def test_planes_of_files(tmp_path):
    fits.writeto(tmp_path / 'cube.fits', CUBE)
    fits.writeto(tmp_path / 'cube.fits.gz', CUBE)
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(CUBE[0]), fits.ImageHDU(CUBE)]
    fits.HDUList(hdus).writeto(tmp_path / 'both.fits')
    assert count_planes(tmp_path / 'cube.fits') == (3, False)
    assert count_planes(tmp_path / 'cube.fits.gz') == (3, False)
    assert count_planes(tmp_path / 'both.fits') == (None, False)
    assert count_planes(tmp_path / 'both.fits', hdu=2) == (3, False)
    Image.fromarray(COLORS).save(tmp_path / 'colors.png')
    Image.fromarray(COLORS[..., 0]).save(tmp_path / 'gray.png')
    assert count_planes(tmp_path / 'colors.png') == (3, True)
    assert count_planes(tmp_path / 'gray.png') == (None, False)
    (tmp_path / 'text').write_text('nothing')
    assert count_planes(tmp_path / 'text') == (None, False)
    (tmp_path / 'cut.fits').write_bytes((tmp_path / 'cube.fits').read_bytes()[:1000])
    with pytest.raises(ImageError):
        count_planes(tmp_path / 'cut.fits')


def test_colors_of_pictures(tmp_path):
    Image.fromarray(COLORS).save(tmp_path / 'colors.png')
    Image.fromarray(COLORS[..., 0]).save(tmp_path / 'gray.png')
    for plane, name in enumerate(['red', 'green', 'blue']):
        color = read_image(tmp_path / 'colors.png', plane=plane)
        assert np.array_equal(color.data, COLORS[..., plane])
        assert color.meta['pixels'] == f'{name} as stored'
    luminance = read_image(tmp_path / 'colors.png').data
    assert np.allclose(luminance, COLORS @ [0.299, 0.587, 0.114], atol=1e-3)
    for wrong in (3, -1, True, 0.5):
        with pytest.raises(ImageError, match='must be 0, 1 or 2 for red, green, blue; got'):
            read_image(tmp_path / 'colors.png', plane=wrong)
    with pytest.raises(ImageError, match=r'chooses a color; .* is gray'):
        read_image(tmp_path / 'gray.png', plane=0)
