"""Catalogs in Parquet files and HATS folders: reading by part and by region, and writing."""
