"""Radii of sources against those of SExtractor, which measures them in the same pixels."""

import numpy as np
import pytest
from judges import sextractor as judge

from astro_wgan import DetectionConfig
from astro_wgan.cutouts.resampled.source_radii import measure_radii
from astro_wgan.detection.tiled_detection import detect_sources

pytestmark = pytest.mark.sextractor


@pytest.fixture(scope='module')
def measured(tmp_path_factory):
    """Two radii of each source, and the catalog of SExtractor."""
    if judge.SEXTRACTOR is None:
        pytest.skip('needs the program SExtractor (package source-extractor)')
    image = judge.mosaic(judge.simulate_sersic(49, seed=3, noise=1.0))
    detection = DetectionConfig(3.0, min_area=10)
    catalog = judge.run_sextractor(tmp_path_factory.mktemp('sextractor'), image, detection)
    sources = detect_sources(image, detection=detection)
    distance = np.hypot(
        catalog['x'][:, np.newaxis] - sources['x'], catalog['y'][:, np.newaxis] - sources['y']
    )
    rows = distance.argmin(axis=1)
    same = distance.min(axis=1) < 0.5
    radii = {
        kind: measure_radii(image, sources, kind=kind, detection=detection)[rows[same]]
        for kind in ('half_light', 'kron')
    }
    return radii, {name: values[same] for name, values in catalog.items()}


def test_half_light_radii(measured):
    radii, catalog = measured
    assert len(radii['half_light']) > 40
    ratio = radii['half_light'] / catalog['half_light_radius']
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.05


def test_kron_apertures(measured):
    radii, catalog = measured
    # KRON_RADIUS of SExtractor holds the factor of 2.5 and is in semi-major axes.
    ratio = radii['kron'] / (catalog['kron_radius'] * catalog['semimajor_axis'])
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.1
