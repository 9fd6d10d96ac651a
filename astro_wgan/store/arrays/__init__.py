"""Arrays on disk, in zarr format 3, to which rows are added whole or not at all."""
