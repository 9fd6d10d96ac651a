"""Features of stamps from elsewhere: arrays, ONNX files; and their distance from normal ones."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'FeatureDistance': 'feature_distance',
        'onnx_features': 'onnx_file',
        'read_features': 'feature_files',
    },
)
