"""`onnx_features`: features of stamps from a network in an ONNX file."""

import hashlib
from pathlib import Path

import numpy as np
from astropy.table import QTable

from astro_wgan.features.network_input import InputLayout, resampled, to_channels
from astro_wgan.jobs.progress import ProgressLine
from astro_wgan.jobs.provenance import provenance_record
from astro_wgan.optional import import_optional
from astro_wgan.store import as_stamps

__all__ = ['onnx_features']

# The example needs a file.
__doctest_skip__ = ['onnx_features']

#: Types of an input that takes images.
_TYPES = {
    'tensor(float)': np.float32,
    'tensor(double)': np.float64,
    'tensor(float16)': np.float16,
}


def onnx_features(
    path,
    stamps,
    *,
    stretch=None,
    size=None,
    layout=None,
    output_name=None,
    batch_size=64,
    progress=True,
):
    """
    Features of stamps from a network in an ONNX file, such as one trained on labeled galaxies.

    Parameters
    ----------
    path : path-like
        The file. Its network has one input of images and is run by onnxruntime on the CPU, without
        libraries of operators of its own.
    stamps : `~astro_wgan.StampSet`, `~astro_wgan.StampStore` or path-like
        Stamps, or anything else that `~astro_wgan.store.as_stamps` takes; a store is read part by
        part.
    stretch : `~astro_wgan.stamps.Stretch`, optional
        Intensity scaling of the images that the network gets; fitted to the stamps if it is not
        fitted. By default these are the pixel values.
    size : int, optional
        Edge in pixels that the stamps are resampled to; by default they must have that which the
        network takes.
    layout : {'NHWC', 'NCHW'}, optional
        Order of the axes of the input, H and W those of the image and C the bands; by default found
        by the shape that the file states.
    output_name : str, optional
        Name of the output that is the features, by default the first. More axes than two are
        flattened.
    batch_size : int, optional
        Number of images at a time, unless the file states it.
    progress : bool, optional
        Show a progress line.

    Returns
    -------
    `~astropy.table.QTable`
        ``id`` and ``features``, float32 of shape (n, d); NaN for a stamp without a valid pixel.

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, its network does not take images, or not those of the stamps.

    Notes
    -----
    Masked pixels are replaced by the median of their stamp. A network for three bands gets stamps
    of one band three times. Resampling is by bilinear interpolation after smoothing, so that
    averages are kept; it does not conserve flux.

    Examples
    --------
    >>> from functools import partial
    >>> from astro_wgan.features import onnx_features
    >>> from astro_wgan.stamps import Stretch
    >>> table = onnx_features('network.onnx', stamps, stretch=Stretch(), size=224)
    >>> zoo = partial(onnx_features, 'network.onnx', stretch=detector.wgan.stretch_, size=224)
    >>> detector = detector.calibrate(held_out, features=zoo)
    >>> scores = detector.score(stamps, features=zoo)
    """
    runtime = import_optional('onnxruntime', purpose='Networks in ONNX files need')
    path, stamps = Path(path), as_stamps(stamps)
    if isinstance(batch_size, bool) or not batch_size >= 1:
        raise ValueError(f'`batch_size` must be at least 1; got {batch_size}.')
    content = path.read_bytes()
    session = _session(runtime, path)
    found = _image_input(session, path)
    edges = stamps.shape if size is None else (size, size)
    input_layout = InputLayout.of(found.shape, layout, bands=stamps.n_bands or 1)
    input_layout.check(edges, bands=stamps.n_bands or 1)
    output = _output_name(session, output_name)
    if stretch is not None and not stretch.is_fitted and len(stamps):
        stretch = stretch.clone().fit(stamps)
    batch = input_layout.batch or batch_size

    def run(images):
        inputs = input_layout.arranged(to_channels(images, input_layout.channels))
        # A file may state the number of images.
        short = batch - len(inputs) if input_layout.batch else 0
        inputs = np.concatenate([inputs, np.repeat(inputs[-1:], short, axis=0)])
        values = session.run([output], {found.name: inputs.astype(_TYPES[found.type])})[0]
        values = np.asarray(values, dtype=np.float32)
        if len(values) != len(inputs):
            raise ValueError(
                f'The output {output!r} of {path} must have one row for each image; got '
                f'{values.shape} for {len(inputs)}.'
            )
        return values.reshape(len(inputs), -1)[: len(images)]

    # An empty set still has so many features.
    parts, total, done = [], len(stamps), 0
    if not total:
        parts.append(run(np.zeros((1, *edges, stamps.n_bands or 1), np.float32))[:0])
    with ProgressLine('features', quiet=not progress) as line:
        for part in stamps.batches(batch) if total else ():
            images = _images(part, stretch)
            features = run(images if size is None else resampled(images, size))
            blind = ~part.valid.reshape(len(part), -1).any(axis=1)
            parts.append(np.where(blind[:, np.newaxis], np.float32(np.nan), features))
            done += len(part)
            line.update(done / total, f'{done} of {total} stamps')
    features = np.concatenate(parts)
    meta = {
        'features': {path.name: features.shape[1]},
        'network': hashlib.sha256(content).hexdigest(),
        'provenance': provenance_record('onnxruntime'),
    }
    return QTable({'id': stamps.ids, 'features': features}, meta=meta)


def _session(runtime, path):
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # classes of their own, without a common one
        raise ValueError(f'{path} is not a network that onnxruntime reads: {error}') from error


def _image_input(session, path):
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _TYPES:
        described = ', '.join(f'{each.name} {each.type} {each.shape}' for each in inputs)
        raise ValueError(
            f'The network in {path} must have one input, of images with four axes in floating '
            f'point; it has {described}.'
        )
    return inputs[0]


def _output_name(session, name):
    names = [output.name for output in session.get_outputs()]
    if name is not None and name not in names:
        raise ValueError(
            f'`output_name` must be an output of the network, of {", ".join(names)}; got {name!r}.'
        )
    return names[0] if name is None else name


def _images(part, stretch):
    """Images of shape (n, ny, nx, bands), masked pixels replaced by the median of their stamp."""
    shape = (len(part), *part.shape, part.n_bands or 1)
    if stretch is not None:
        return stretch.transform(part).reshape(shape)
    pixels = np.where(part.valid, part.pixels, np.nan).reshape(shape)
    flat = pixels.reshape(len(part), -1)
    median = np.zeros(len(part))
    seen = np.isfinite(flat).any(axis=1)
    median[seen] = np.nanmedian(flat[seen], axis=1)
    pixels = np.where(np.isnan(pixels), median[:, np.newaxis, np.newaxis, np.newaxis], pixels)
    return pixels.astype(np.float32)
