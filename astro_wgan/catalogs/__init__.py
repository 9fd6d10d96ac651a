"""Tables and catalogs: conversion, positions, storage, reading and writing."""

from astro_wgan.lazy import lazy_names

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        'SkyBox': 'parquet.sky_regions',
        'SkyCone': 'parquet.sky_regions',
        'catalog_parts': 'parquet.catalog_reading',
        'read_catalog': 'parquet.catalog_reading',
        'write_catalog': 'parquet.catalog_writing',
    },
)
