"""Stamps as cutana cuts them, without resizing, normalization and flux conversion."""

import os
import tempfile

from cutana import StreamingOrchestrator, get_default_config
from loguru import logger

__all__ = ['cutana_config', 'stream_stamps']

logger.remove()


def cutana_config(size, bands=('PRIMARY',)):
    """
    Settings with which stamps are what the file holds.

    Parameters
    ----------
    size : int
        Edge of the stamps in pixels, to which they are resized without effect.
    bands : sequence of str
        Parts of the names of the files of each band, as ``tile_J.fits``.
    """
    config = get_default_config()
    config.target_resolution = size
    config.apply_flux_conversion = False
    config.normalisation_method = 'none'
    config.selected_extensions = [{'name': 'PRIMARY', 'ext': 'PrimaryHDU'}]
    config.channel_weights = {name: [float(name == other) for other in bands] for name in bands}
    return config


def stream_stamps(catalog, *, size, bands=('PRIMARY',), work):
    """
    Yield batches of stamps by cutana's way for large catalogs, one worker for each core.

    Parameters
    ----------
    catalog : `pandas.DataFrame`
        In the columns of cutana.
    size, bands
        As for `cutana_config`.
    work : path-like
        Where the catalog and cutana's own files are written.

    Yields
    ------
    list of `~numpy.ndarray`, shape (size, size, bands)
    """
    with tempfile.TemporaryDirectory(dir=work) as folder:
        config = cutana_config(size, bands)
        config.source_catalogue = os.path.join(folder, 'catalog.parquet')
        config.output_dir = folder
        config.skip_catalogue_validation = config.skip_fits_check = True
        config.loadbalancer.skip_memory_calibration_wait = True
        catalog.to_parquet(config.source_catalogue)
        orchestrator = StreamingOrchestrator(config)
        try:
            workers = os.cpu_count()
            orchestrator.init_streaming(
                10_000, write_to_disk=False, max_workers=workers, min_workers=workers
            )
            for _ in range(orchestrator.get_batch_count()):
                yield list(orchestrator.next_batch()['cutouts'])
        finally:
            orchestrator.cleanup()
