"""Arrays on disk in zarr format 3, to which rows are appended atomically."""
