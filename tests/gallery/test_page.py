import base64
import hashlib
import html
import json
import re
from io import BytesIO

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable
from PIL import Image

from astro_wgan.bands.band import as_bands
from astro_wgan.gallery import write_gallery
from astro_wgan.stamps import Stretch


def scored(n=6, shape=(16, 16)):
    """Scores of some stamps, and images of them, strangest first."""
    rng = np.random.default_rng(1)
    score = rng.uniform(1, 2, size=n)
    order = np.argsort(score)[::-1]
    rank = np.empty(n, dtype=int)
    rank[order] = np.arange(1, n + 1)
    table = QTable({'id': np.arange(100, 100 + n), 'score': score, 'rank': rank})
    table.meta['search'] = {'gamma': 0.7}
    inputs = rng.normal(size=(n, *shape)).astype(np.float32)
    closest = np.zeros_like(inputs)
    images = {'inputs': inputs, 'closest_images': closest, 'residuals': inputs - closest}
    return table, {'rows': order, **images}


def read_data(path):
    text = path.read_text(encoding='utf-8')
    return json.loads(
        re.search(r'<script type="application/json".*?>(.*?)</script>', text, re.S)[1]
    )


def picture(data, card, panel):
    png = base64.b64decode(data['pictures'][card][panel])
    return np.array(Image.open(BytesIO(png)).convert('RGB')).astype(int)


def test_cards_follow_the_rows(tmp_path):
    table, images = scored()
    path = write_gallery(tmp_path / 'page.html', table, **images)
    data = read_data(path)
    assert path == tmp_path / 'page.html'
    assert data['ids'] == [str(table['id'][k]) for k in images['rows']]
    columns = {column['name']: column for column in data['columns']}
    assert columns['rank']['values'] == [1, 2, 3, 4, 5, 6]
    assert columns['score']['values'] == sorted(columns['score']['values'], reverse=True)
    assert len(data['pictures']) == 6
    assert data['gamma'] == 0.7


@pytest.mark.parametrize(('origin', 'row'), [('lower', -1), ('upper', 0)])
def test_the_first_row_is_where_it_is_asked_for(tmp_path, origin, row):
    table, images = scored(1)
    images['inputs'][:] = 0
    images['inputs'][0, 0] = 1
    images['residuals'] = images['inputs']
    data = read_data(write_gallery(tmp_path / 'page.html', table, origin=origin, **images))
    bright = picture(data, 0, 0)[..., 0] == 255
    assert bright[row].all()
    assert np.count_nonzero(bright) == 16
    red = picture(data, 0, 2)
    assert (red[row, :, 0] > red[row, :, 2]).all()


def test_input_and_closest_image_share_their_grays(tmp_path):
    table, images = scored(1)
    images['inputs'][0] = np.linspace(0, 1, 256).reshape(16, 16)
    images['closest_images'][0] = images['inputs'][0] / 2
    data = read_data(write_gallery(tmp_path / 'page.html', table, **images))
    assert data['ranges'][0] == pytest.approx([0, 1], abs=0.01)
    image, near = picture(data, 0, 0)[..., 0], picture(data, 0, 1)[..., 0]
    np.testing.assert_allclose(near, image / 2, atol=2)


def test_residuals_of_all_cards_share_their_colors(tmp_path):
    table, images = scored(2)
    images['residuals'] = np.ones_like(images['inputs']) * np.array([1, 0.5]).reshape(2, 1, 1)
    data = read_data(write_gallery(tmp_path / 'page.html', table, **images))
    full, half = picture(data, 0, 2)[0, 0], picture(data, 1, 2)[0, 0]
    assert half.sum() > full.sum() + 100


def test_masked_and_infinite_pixels_are_shown_as_masked(tmp_path):
    table, images = scored(1)
    images['inputs'][0, 3, 4] = 9999
    images['inputs'] = np.ma.masked_greater(images['inputs'], 9000)
    images['inputs'][0, 3, 5] = np.inf
    data = read_data(write_gallery(tmp_path / 'page.html', table, origin='upper', **images))
    colors = picture(data, 0, 0)
    colored = np.ptp(colors, axis=-1) > 0
    assert np.argwhere(colored).tolist() == [[3, 4], [3, 5]]


def test_three_bands_are_shown_in_color(tmp_path):
    table, images = scored(1, shape=(16, 16, 3))
    data = read_data(write_gallery(tmp_path / 'page.html', table, **images))
    assert np.ptp(picture(data, 0, 0), axis=-1).max() > 50


def test_bands_are_chosen_by_name_and_a_stretch_makes_colors_of_linear_intensities(tmp_path):
    table, images = scored(1, shape=(16, 16, 4))
    images['inputs'] = 0.05 * images['inputs']
    images['inputs'][:, 4:12, 4:12] += np.array([0.7, 0.8, 0.9, 1.0])
    options = {'bands': as_bands(['g', 'r', 'i', 'z'], 4), 'rgb': ('i', 'r', 'g'), **images}
    plain = picture(read_data(write_gallery(tmp_path / 'page.html', table, **options)), 0, 0)
    options['stretch'] = Stretch(sky=0, noise_rms=1, peak=1000)
    found = picture(read_data(write_gallery(tmp_path / 'page.html', table, **options)), 0, 0)
    # Linear intensities differ more, and so do colors.
    galaxy = slice(5, 11), slice(5, 11)
    assert np.ptp(found[galaxy], axis=-1).mean() > 1.5 * np.ptp(plain[galaxy], axis=-1).mean()
    assert (found[galaxy][..., 0] > found[galaxy][..., 2]).all()
    with pytest.raises(ValueError, match=r"`rgb` must be three bands.* or names 'g', 'r'"):
        write_gallery(tmp_path / 'page.html', table, **{**options, 'rgb': ('g', 'r', 'y')})


@pytest.mark.parametrize(
    ('shape', 'options', 'expected'),
    [
        ((8, 8), {}, 'input and closest image'),
        ((8, 8, 1), {}, 'input and closest image'),
        ((8, 8, 3), {}, 'band 0 band 1 band 2 input'),
        ((8, 8, 4), {'bands': as_bands(['g', 'r', 'i', '<b>'], 4)}, '<b> i g, r input'),
        (
            (8, 8, 4),
            {'bands': as_bands(['g', 'r', 'i', 'z'], 4), 'rgb': ('i', 'r', 'g')},
            'i r g input',
        ),
    ],
)
def test_the_key_says_what_gray_or_each_color_is(tmp_path, shape, options, expected):
    table, images = scored(1, shape=shape)
    text = write_gallery(tmp_path / 'page.html', table, **options, **images).read_text()
    key = re.search('<span class="key">(.*?)\n', text)[1]
    assert ('grays' in key) == (len(shape) == 2 or shape[2] == 1)
    assert ' '.join(html.unescape(re.sub('<[^>]*>', ' ', key)).split()).startswith(expected)


def test_images_need_not_be_square(tmp_path):
    table, images = scored(2, shape=(16, 24))
    data = read_data(write_gallery(tmp_path / 'page.html', table, **images))
    assert data['shape'] == [16, 24]
    assert picture(data, 0, 0).shape == (16, 24, 3)


def test_nothing_in_a_table_can_leave_its_place(tmp_path):
    table, images = scored(2)
    evil = '</script><script>alert(1)</script><!--'
    table['id'] = [evil, '"><img src=x onerror=alert(2)>']
    table['<i>name</i>'] = [1, 2]
    table.meta['origin'] = evil
    path = write_gallery(tmp_path / 'page.html', table, title=evil, notes=evil, **images)
    text = path.read_text(encoding='utf-8')
    assert evil in read_data(path)['ids']
    assert text.count('<script') == 2
    assert '<!--' not in text
    assert '<img src=x' not in text
    assert '<i>name' not in text


def test_the_page_forbids_all_but_its_own_script_and_style(tmp_path):
    table, images = scored(2)
    text = write_gallery(tmp_path / 'page.html', table, **images).read_text(encoding='utf-8')
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'")
    for kind in ('script', 'style'):
        (content,) = re.findall(f'<{kind}>(.*?)</{kind}>', text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r'(?:src|href|url)\s*[=(]\s*["\']?(?:https?:)?//', text)


def test_without_scripts_the_highest_scores_are_a_table(tmp_path):
    table, images = scored(3)
    text = write_gallery(tmp_path / 'page.html', table, **images).read_text(encoding='utf-8')
    plain = re.search(r'<noscript>(.*?)</noscript>', text, re.S)[1]
    assert (
        re.findall(r'<tr><th scope="row">(\d+)', plain) == read_data(tmp_path / 'page.html')['ids']
    )


def test_an_empty_table_gives_a_page_that_says_so(tmp_path):
    table, images = scored(2)
    images = {name: array[:0] for name, array in images.items()}
    path = write_gallery(tmp_path / 'page.html', table[:0], **images)
    assert 'No stamps were scored' in path.read_text(encoding='utf-8')
    assert read_data(path)['ids'] == []


def test_a_stamp_without_score_has_none(tmp_path):
    table, images = scored(2)
    table['score'][images['rows'][1]] = np.nan
    images['inputs'][1] = images['residuals'][1] = np.nan
    data = read_data(write_gallery(tmp_path / 'page.html', table, **images))
    score = next(column for column in data['columns'] if column['name'] == 'score')
    assert score['values'][1] is None


@pytest.mark.parametrize(
    ('scale', 'label', 'share'),
    [(0.06 * u.arcsec, '0.2″', 0.2 / 0.96), (6 * u.arcsec / u.pix, '20″', 20 / 96)],
)
def test_the_scale_bar_is_a_round_angle(tmp_path, scale, label, share):
    table, images = scored(1)
    data = read_data(write_gallery(tmp_path / 'page.html', table, pixel_scale=scale, **images))
    assert data['scaleBar'] == {'label': label, 'fraction': pytest.approx(share)}


def test_a_former_page_survives_a_failure(tmp_path, monkeypatch):
    path = tmp_path / 'page.html'
    path.write_text('former')
    table, images = scored(1)
    monkeypatch.setattr('pathlib.Path.write_text', lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_gallery(path, table, **images)
    assert path.read_text() == 'former'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'rows': [0]}, r'`inputs` must hold one image per row, as an array \(1, ny, nx\)'),
        ({'rows': [0, 2]}, '`rows` must lie between 0 and 1'),
        ({'rows': [0.5, 1.0]}, '`rows` must be a list of row numbers'),
        ({'closest_images': np.zeros((2, 8, 8))}, '`closest_images` must hold one image per row'),
        ({'residuals': np.zeros((2, 256))}, '`residuals` must hold one image per row'),
        ({'origin': 'top'}, "`origin` must be 'lower' or 'upper'; got 'top'"),
        ({'columns': ['color']}, '`columns` must name columns of `table`'),
        ({'rgb': (0, 1, 2)}, '`rgb` must be three bands, by numbers from 0 to 0'),
    ],
)
def test_bad_arguments_are_named(tmp_path, change, message):
    table, images = scored(2)
    with pytest.raises(ValueError, match=message):
        write_gallery(tmp_path / 'page.html', table, **{**images, **change})
    assert not list(tmp_path.iterdir())


def test_a_scale_that_is_no_angle_is_refused(tmp_path):
    table, images = scored(2)
    with pytest.raises(u.UnitsError, match='`pixel_scale` must be one angle'):
        write_gallery(tmp_path / 'page.html', table, pixel_scale=3 * u.m, **images)


def test_a_table_without_scores_is_refused(tmp_path):
    table, images = scored(2)
    del table['score']
    with pytest.raises(ValueError, match="`table` must have a column 'score'"):
        write_gallery(tmp_path / 'page.html', table, **images)
