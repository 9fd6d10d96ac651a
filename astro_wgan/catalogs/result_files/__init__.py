"""Tables of results in FITS, VOTable, Parquet, ECSV and CSV files, with units and metadata."""
