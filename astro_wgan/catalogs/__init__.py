"""Tables and catalogs: conversion, positions, storage, reading and writing."""

# For `QTable.read` of results.
from astro_wgan.catalogs.result_files import results_format  # noqa: F401
from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'SkyBox': 'parquet.sky_regions',
        'SkyCone': 'parquet.sky_regions',
        'catalog_parts': 'parquet.catalog_reading',
        'read_table': 'table_files',
        'read_catalog': 'parquet.catalog_reading',
        'write_catalog': 'parquet.catalog_writing',
        'write_regions': 'result_files.region_files',
        'write_table': 'result_files.table_writing',
    },
)
