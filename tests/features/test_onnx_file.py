"""Features by networks in ONNX files, which the tests make: axes, bands, sizes and batches."""

import subprocess
import sys

import numpy as np
import pytest

from astro_wgan import StampSet
from astro_wgan.features import onnx_features
from astro_wgan.stamps import Stretch
from astro_wgan.store import StampStore

pytest.importorskip('onnxruntime')
onnx = pytest.importorskip('onnx')

RNG = np.random.default_rng(1)
STAMPS = StampSet(RNG.normal(10, 3, size=(7, 8, 8)).astype(np.float32))


@pytest.fixture
def network(tmp_path):
    """Write a network whose features are the means of the image along one axis, and its mean."""

    def write(shape, *, rows_axis=2, kind=onnx.TensorProto.FLOAT, rank=4):
        helper, axes = onnx.helper, [*range(1, rank)]
        nodes = [
            helper.make_node('ReduceMean', ['images'], ['rows'], axes=[rows_axis], keepdims=0),
            helper.make_node('ReduceMean', ['images'], ['mean'], axes=axes, keepdims=0),
        ]
        graph = helper.make_graph(
            nodes,
            'means',
            [helper.make_tensor_value_info('images', kind, shape)],
            [helper.make_tensor_value_info(name, kind, None) for name in ('rows', 'mean')],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
        model.ir_version = 8
        path = tmp_path / 'network.onnx'
        onnx.save(model, str(path))
        return path

    return write


@pytest.mark.parametrize('batch', ['n', 3, 16])
@pytest.mark.parametrize(
    ('axes', 'rows_axis'), [((1, 8, 8), 2), ((3, 8, 8), 2), ((8, 8, 1), 1), ((8, 8, 3), 1)]
)
def test_axes_bands_and_batches_are_those_of_the_file(network, batch, axes, rows_axis):
    path = network([batch, *axes], rows_axis=rows_axis)
    table = onnx_features(path, STAMPS, progress=False)
    channels = min(axes)
    # NCHW has all columns of a channel, then the next; NHWC all channels of a column.
    expected = STAMPS.pixels.mean(axis=1)
    expected = (
        np.tile(expected, channels) if rows_axis == 2 else np.repeat(expected, channels, axis=1)
    )
    assert table['features'].dtype == np.float32
    np.testing.assert_allclose(table['features'], expected, rtol=1e-5)
    assert table['id'].tolist() == STAMPS.ids.tolist()
    assert table.meta['features'] == {'network.onnx': 8 * channels}


def test_bands_of_stamps(network):
    pixels = RNG.normal(size=(4, 8, 8, 3)).astype(np.float32)
    found = onnx_features(network(['n', 3, 8, 8]), StampSet(pixels), progress=False)['features']
    expected = np.moveaxis(pixels.mean(axis=1), 2, 1).reshape(4, -1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_of_several_outputs_one(network):
    path = network(['n', 1, 8, 8])
    found = onnx_features(path, STAMPS, output_name='mean', progress=False)['features']
    np.testing.assert_allclose(found[:, 0], STAMPS.pixels.mean(axis=(1, 2)), rtol=1e-5)
    with pytest.raises(ValueError, match=r"`output_name` must be .* of rows, mean; got 'x'"):
        onnx_features(path, STAMPS, output_name='x')


@pytest.mark.parametrize('kind', ['DOUBLE', 'FLOAT16'])
def test_numbers_of_other_precision(network, kind):
    path = network(['n', 1, 8, 8], kind=getattr(onnx.TensorProto, kind))
    found = onnx_features(path, STAMPS, progress=False)['features']
    np.testing.assert_allclose(found, STAMPS.pixels.mean(axis=1), rtol=2e-3)


@pytest.mark.parametrize('size', [16, 4])
def test_resampling_keeps_averages(network, size):
    smooth = np.add.outer(np.arange(8.0), np.arange(8.0)) * np.ones((2, 1, 1))
    path = network(['n', 1, size, size])
    found = onnx_features(path, StampSet(smooth), size=size, progress=False)['features']
    assert found.shape == (2, size)
    np.testing.assert_allclose(found.mean(axis=1), 7, rtol=0.01)
    assert (np.diff(found) > 0).all()
    with pytest.raises(ValueError, match=f'`size` must be {size}, as the network takes images of'):
        onnx_features(path, STAMPS)


def test_masked_pixels_have_the_median_of_their_stamp(network):
    mask = np.zeros(STAMPS.pixels.shape, bool)
    mask[2, 3, 4] = mask[5] = True
    stamps = STAMPS.replace(pixels=np.where(mask, 1e6, STAMPS.pixels), mask=mask)
    found = onnx_features(network(['n', 1, 8, 8]), stamps, progress=False)['features']
    assert np.isnan(found).all(axis=1).tolist() == [False] * 5 + [True, False]
    filled = STAMPS.pixels[2].copy()
    filled[3, 4] = np.median(np.delete(filled.ravel(), 3 * 8 + 4))
    np.testing.assert_allclose(found[2], filled.mean(axis=0), rtol=1e-5)


def test_stretch_stores_and_no_stamps(network, tmp_path):
    path = network(['n', 'c', 8, 8])
    stretch = Stretch('linear', sky=10, noise_rms=3, peak=30)
    found = onnx_features(path, STAMPS, stretch=stretch, layout='NCHW', progress=False)
    np.testing.assert_allclose(
        found['features'], (STAMPS.pixels.mean(axis=1) - 10) / 20, rtol=1e-4, atol=1e-5
    )
    StampStore.from_stamps(tmp_path / 'stamps.zarr', STAMPS).close()
    options = {'stretch': Stretch(), 'layout': 'NCHW', 'progress': False}
    of_store = onnx_features(path, tmp_path / 'stamps.zarr', **options)
    np.testing.assert_allclose(
        of_store['features'], onnx_features(path, STAMPS, **options)['features'], rtol=1e-5
    )
    assert onnx_features(path, STAMPS[:0], **options)['features'].shape == (0, 8)


def test_what_cannot_be(network, tmp_path):
    with pytest.raises(FileNotFoundError):
        onnx_features(tmp_path / 'none.onnx', STAMPS)
    (tmp_path / 'damaged.onnx').write_bytes(b'no network')
    with pytest.raises(ValueError, match=r'damaged\.onnx is not a network that onnxruntime reads'):
        onnx_features(tmp_path / 'damaged.onnx', STAMPS)
    with pytest.raises(ValueError, match='one input, of images with four axes'):
        onnx_features(network(['n', 8, 8], rank=3, rows_axis=1), STAMPS)
    path = network(['n', 'h', 'w', 'c'])
    with pytest.raises(ValueError, match=r'`layout` must be given, .*, \(.n., .h., .w., .c.\)'):
        onnx_features(path, STAMPS)
    with pytest.raises(ValueError, match=r"`layout` must be one of .*; got 'NWHC'"):
        onnx_features(path, STAMPS, layout='NWHC')
    with pytest.raises(ValueError, match='`batch_size` must be at least 1; got 0'):
        onnx_features(path, STAMPS, layout='NHWC', batch_size=0)
    two = StampSet(np.zeros((2, 8, 8, 2)))
    with pytest.raises(ValueError, match=r'`stamps` must have 1 or 3 bands, as .*; got 2'):
        onnx_features(network(['n', 3, 8, 8]), two)


def test_without_onnxruntime_there_is_advice(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ImportError, match=r'need onnxruntime: pip install "astro_wgan\[onnx\]"'):
        onnx_features('network.onnx', STAMPS)


def test_networks_from_elsewhere_need_no_tensorflow():
    code = (
        'import sys; from astro_wgan.features import onnx_features, FeatureDistance; '
        'assert not {"tensorflow", "onnxruntime", "skimage"} & {*sys.modules}'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
