"""
How well zeros that are no data are told from dark sky, in a minute.

Beyond a turned footprint, images with noise are set to 0, as drizzled mosaics are, whole and in
stamps of which a part lies beyond, each judged by itself and all together. Printed is which
fraction of these zeros is found. Of what has no noise, maps of simulated light and star particles
that are binned or counted, whole and in stamps, printed is how many lose zeros: none should.

    python -m benchmarks.quality.zero_pixels
    python -m benchmarks.quality.zero_pixels --images FILE ...      # others with noise
"""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from astro_wgan import datasets
from astro_wgan.datasets import load_light_map
from astro_wgan.datasets.light_maps import light_map_names
from astro_wgan.images import find_blank_pixels, read_image
from benchmarks.harness import BenchmarkParser, Report
from benchmarks.results import Column

SIZE = 48
#: Fewer zeros, or fewer other pixels, are not asked for.
FEWEST = 30


FOUND = (
    Column('image', 'with noise'),
    Column('image zeros', 'fraction of the zeros of the image that is found', '', '.4f'),
    Column('stamp zeros', 'the same of stamps, one by one', '', '.3f'),
    Column('joint stamp zeros', 'the same of all stamps together', '', '.4f'),
)
LOST = (
    Column('image', 'without noise'),
    Column('judged', 'images and stamps'),
    Column('lose zeros', 'of these; none should'),
)


def main():
    parser = BenchmarkParser(__doc__, smoke={'stamps': 20}, seed=0)
    parser.add_argument('--images', type=Path, nargs='+', default=[], help='images with noise')
    parser.add_argument('--stamps', type=int, default=200, help='of each image')
    options = parser.parse_args()
    report = Report(options)
    rng = np.random.default_rng(options.seed)
    # A picture has black sky of its own.
    names = [name for name in datasets.image_names() if name != 'hubble_xdf']
    paths = {name: datasets.image_path(name) for name in names}
    paths |= {path.name: path for path in options.images}
    rows = [
        found(name, read_image(path, zeros='keep').data, options.stamps, rng)
        for name, path in paths.items()
    ]
    report.table('found', 'Zeros beyond a footprint that are found.', FOUND, rows)
    lights = {name: np.asarray(load_light_map(name).luminosity) for name in light_map_names()}
    rows = [lost(name, of_light(light, rng), rng) for name, light in lights.items()]
    rows.append(lost('star particles', of_particles(rng), rng))
    report.table('lost', 'Images and stamps without noise whose zeros are light.', LOST, rows)
    report.write()


def found(name, pixels, number, rng):
    ny, nx = pixels.shape
    y, x = np.indices(pixels.shape) - np.array([ny, nx])[:, np.newaxis, np.newaxis] / 2
    beyond = (abs(0.87 * x + 0.5 * y) > 0.4 * nx) | (abs(0.87 * y - 0.5 * x) > 0.4 * ny)
    stamps, cut = zip(*cut_stamps(pixels, number, rng), strict=True)
    return {
        'image': name,
        'image zeros': fraction(find_blank_pixels(np.where(beyond, 0, pixels)), beyond),
        'stamp zeros': np.mean(
            [
                fraction(find_blank_pixels(stamp), part)
                for stamp, part in zip(stamps, cut, strict=True)
            ]
        ),
        'joint stamp zeros': fraction(find_blank_pixels(np.stack(stamps)), np.stack(cut)),
    }


def cut_stamps(pixels, number, rng):
    """Stamps, and where each was cut off by a straight line and set to 0."""
    y, x = np.indices((SIZE, SIZE)) - SIZE / 2
    made = 0
    while made < number:
        first, angle = rng.integers(0, np.array(pixels.shape) - SIZE), rng.uniform(0, 2 * np.pi)
        cut = x * np.cos(angle) + y * np.sin(angle) > rng.uniform(2, 18)
        if cut.sum() >= FEWEST:
            made += 1
            yield np.where(cut, 0, pixels[first[0] :, first[1] :][:SIZE, :SIZE]), cut


def fraction(found, zeros):
    return 0.0 if found is None else float((found & zeros).sum() / zeros.sum())


def of_light(light, rng):
    """A map of light in several forms: blurred, and as counts of photons."""
    light = light.reshape(*light.shape[:2], -1)[..., 0]
    counts = np.maximum(light, 0) / np.median(light[light > 0])
    yield from (light, light.astype(np.float32), gaussian_filter(light, 1, truncate=3))
    yield from (rng.poisson(0.2 * counts), rng.poisson(5 * counts))


def of_particles(rng):
    """Disks of particles of equal or different light, few or many, small or large."""
    edges = [np.arange(257)] * 2
    for number in (300, 3_000, 30_000, 300_000):
        for spread in (0.01, 0.3, 1.0):
            for scale in (4, 10, 30):
                radius, angle = rng.gamma(2, scale, number), rng.uniform(0, 2 * np.pi, number)
                x, y = 128 + radius * np.cos(angle), 128 + 0.6 * radius * np.sin(angle)
                weights = rng.lognormal(0, spread, number)
                yield np.histogram2d(y, x, bins=edges, weights=weights)[0]


def lost(name, images, rng):
    judged = losing = 0
    for image in images:
        places = rng.integers(0, np.array(image.shape) - SIZE, size=(20, 2))
        parts = [image[y : y + SIZE, x : x + SIZE] for y, x in places]
        for part in (image, *parts):
            if min((part == 0).sum(), (part != 0).sum()) >= FEWEST:
                judged += 1
                losing += find_blank_pixels(part) is not None
    return {'image': name, 'judged': judged, 'lose zeros': losing}


if __name__ == '__main__':
    main()
