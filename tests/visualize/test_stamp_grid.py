import numpy as np
import pytest
from astropy import units as u
from astropy.nddata import CCDData

from astro_wgan import StampSet, StampStore
from astro_wgan.stamps import Stretch
from astro_wgan.stamps.png import MASKED_COLOR
from astro_wgan.testing import make_stamps
from astro_wgan.visualize import plot_stamps, plot_triptychs

plt = pytest.importorskip('matplotlib.pyplot')

IMAGE = {
    'baseline_dir': 'baseline',
    'style': 'default',
    # Releases of Matplotlib differ by half a pixel in where they put images.
    'tolerance': 25,
    'savefig_kwargs': {'dpi': 50},
}
OLIVE = np.array(MASKED_COLOR) / 255
LINEAR = Stretch('linear', sky=0.0, noise_rms=1.0, peak=100.0)


def galaxies(n, *, bands=None, seed=1):
    """Pixels of round sources that differ in brightness and width, with noise."""
    options = {'sigma': (1.5, 3), 'peak': (20, 90), 'dtype': float}
    return make_stamps(n, shape=(16, 16), bands=bands, seed=seed, **options).pixels


@pytest.mark.mpl_image_compare(**IMAGE)
def test_a_sheet_shows_each_stamp_in_its_place(bare):
    pixels = galaxies(5)
    ax = plot_stamps(pixels, n_columns=3, stretch=LINEAR, limits=(0, 1), labels=list('abcde'))
    sheet = ax.images[0].get_array()
    assert sheet.shape == (2 * 17 - 1, 3 * 17 - 1, 4)
    # The second of the second row; the first row of a stamp is at its bottom.
    shown = sheet[17:33, 17:33]
    expected = np.clip(pixels[4][::-1] / 100, 0, 1)
    assert np.allclose(shown, np.dstack([expected] * 3 + [np.ones_like(expected)]), atol=1e-6)
    assert not sheet[16].any()
    assert not sheet[17:, 34:].any()
    assert [text.get_text() for text in ax.texts] == list('abcde')
    assert ax.texts[4].get_position() == (17, 17)
    return bare(ax)


def test_the_first_row_can_be_at_the_top():
    pixels = galaxies(1)
    sheet = plot_stamps(pixels, stretch=LINEAR, limits=(0, 1), origin='upper').images[0]
    assert np.allclose(sheet.get_array()[..., 0], np.clip(pixels[0] / 100, 0, 1), atol=1e-6)


def test_each_stamp_has_its_own_range_by_default():
    pixels = galaxies(1)
    pair = np.concatenate([pixels, 10 * pixels])
    sheet = plot_stamps(pair, n_columns=2, stretch=LINEAR).images[0].get_array()
    assert np.allclose(sheet[:, :16], sheet[:, 17:], atol=1e-5)


def as_cutouts(pixels):
    return [CCDData(image, unit='adu') for image in pixels]


@pytest.mark.parametrize('kind', [StampSet, np.asarray, np.ma.masked_invalid, as_cutouts])
def test_masked_pixels_are_olive(kind):
    pixels = galaxies(2)
    pixels[0, 3, 5] = np.nan
    sheet = plot_stamps(kind(pixels), n_columns=2, origin='upper').images[0].get_array()
    assert np.allclose(sheet[3, 5, :3], OLIVE)
    assert not np.allclose(sheet[3, 5 + 17, :3], OLIVE)


def test_a_stamp_without_any_pixel_is_all_olive():
    pixels = galaxies(2)
    pixels[1] = np.nan
    sheet = plot_stamps(StampSet(pixels), n_columns=2).images[0].get_array()
    assert np.allclose(sheet[:, 17:, :3], OLIVE)


def test_several_bands_are_colors():
    sheet = plot_stamps(galaxies(1, bands=3), stretch=None).images[0].get_array()
    middle = sheet[8, 8, :3]
    assert middle[0] < middle[1] < middle[2]
    # Of two bands the second is the redder one.
    middle = plot_stamps(galaxies(1, bands=2)).images[0].get_array()[8, 8]
    assert middle[0] > middle[1] > middle[2]
    chosen = plot_stamps(galaxies(1, bands=4), rgb=(3, 1, 0)).images[0].get_array()
    assert chosen[8, 8, 0] > chosen[8, 8, 2]


def test_stores_are_read(tmp_path):
    stamps = StampSet(galaxies(4))
    StampStore.from_stamps(tmp_path / 'stamps.zarr', stamps)
    with StampStore.open(tmp_path / 'stamps.zarr') as store:
        shown = plot_stamps(store).images[0].get_array()
    assert np.allclose(shown, plot_stamps(stamps).images[0].get_array(), atol=1e-6)


@pytest.mark.parametrize(
    ('stamps', 'options', 'message'),
    [
        (np.zeros((0, 8, 8)), {}, '`stamps` must hold at least one stamp'),
        (np.zeros((8, 8)), {}, '`stamps` must be stamps of shape'),
        (np.ones((2, 8, 8)), {'labels': ['a']}, '`labels` must have 2 entries'),
        (np.ones((2, 8, 8)), {'n_columns': 0}, '`n_columns` must be at least 1'),
        (np.ones((2, 8, 8)), {'limits': (1, 1)}, '`limits` must increase'),
        (np.ones((2, 8, 8)), {'origin': 'left'}, "`origin` must be 'lower' or 'upper'"),
        (np.ones((2, 8, 8)), {'rgb': (0, 1, 2)}, '`rgb` must be three bands'),
    ],
)
def test_sheets_that_cannot_be_drawn_are_refused(stamps, options, message):
    with pytest.raises(ValueError, match=message):
        plot_stamps(stamps, **options)
    assert not plt.get_fignums()


@pytest.mark.mpl_image_compare(**IMAGE)
def test_a_row_shares_its_range_and_residuals_one_around_zero(bare):
    stamps, closest = galaxies(3), galaxies(3, seed=2)
    axes = plot_triptychs(stamps, closest, stretch=LINEAR, labels=['a', 'b', 'c'])
    assert axes.shape == (3, 3)
    for row, image, drawn in zip(axes, stamps, closest, strict=True):
        shown = [ax.images[0] for ax in row]
        assert np.allclose(shown[0].get_array(), image / 100, atol=1e-6)
        assert np.allclose(shown[1].get_array(), drawn / 100, atol=1e-6)
        assert np.allclose(shown[2].get_array(), (image - drawn) / 100, atol=1e-6)
        both = np.concatenate([image, drawn]) / 100
        limits = np.percentile(both, [0.5, 99.9])
        assert np.allclose(shown[0].get_clim(), limits, atol=1e-6)
        assert shown[0].get_clim() == shown[1].get_clim()
    low, high = axes[0, 2].images[0].get_clim()
    assert low == -high
    assert {ax.images[0].get_clim() for ax in axes[:, 2]} == {(low, high)}
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ['a', 'b', 'c']
    return bare(axes[0, 0])


def test_residuals_are_white_at_zero_red_above_and_blue_below():
    image = plot_triptychs(galaxies(1), galaxies(1, seed=2))[0, 2].images[0]
    high = image.get_clim()[1]
    red, white, blue = (image.to_rgba(value)[:3] for value in (high / 2, 0.0, -high / 2))
    assert min(white) > 0.95
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def test_a_given_residual_is_shown_as_it_is():
    stamps = StampSet(galaxies(2) * u.nJy)
    residual = StampSet(np.full((2, 16, 16), 7.0) * u.nJy)
    axes = plot_triptychs(stamps, stamps, residual)
    assert np.allclose(axes[1, 2].images[0].get_array(), 7)
    assert axes[1, 2].images[0].get_clim() == (-7, 7)


def test_several_bands_show_the_residual_of_the_worst():
    stamps = galaxies(1, bands=3)
    closest = stamps.copy()
    closest[0, 4, 4, 1] += 50
    closest[0, 4, 4, 2] -= 10
    axes = plot_triptychs(
        stamps, closest, stretch=Stretch('linear', sky=[0] * 3, noise_rms=[1] * 3, peak=[100] * 3)
    )
    residual = axes[0, 2].images[0].get_array()
    assert np.isclose(residual[4, 4], -0.5, atol=1e-6)
    assert axes[0, 0].images[0].get_array().shape == (16, 16, 4)


def test_masked_pixels_have_no_residual():
    pixels = galaxies(1)
    pixels[0, 2, 3] = np.nan
    axes = plot_triptychs(StampSet(pixels), galaxies(1, seed=2))
    assert np.ma.getmaskarray(axes[0, 2].images[0].get_array())[2, 3]
    assert np.allclose(axes[0, 2].images[0].cmap.get_bad()[:3], OLIVE)


def test_columns_of_given_axes_can_be_rows():
    _, axes = plt.subplots(3, 2)
    drawn = plot_triptychs(galaxies(2), galaxies(2), axes=axes.T)
    assert drawn[1, 2] is axes[2, 1]
    assert axes[2, 1].images


def test_triptychs_that_do_not_fit_are_refused():
    stamps = galaxies(2)
    with pytest.raises(ValueError, match='`closest_images` must have the shape of `stamps`'):
        plot_triptychs(stamps, stamps[:1])
    with pytest.raises(ValueError, match='`residuals` must have the shape of `stamps`'):
        plot_triptychs(stamps, stamps, stamps[:, 1:])
    with pytest.raises(ValueError, match='`labels` must have 2 entries'):
        plot_triptychs(stamps, stamps, labels=['a'])
    _, axes = plt.subplots(3, 2)
    with pytest.raises(ValueError, match=r'`axes` must be an array of 2 x 3 Axes; got .*\(3, 2\)'):
        plot_triptychs(stamps, stamps, axes=axes)
