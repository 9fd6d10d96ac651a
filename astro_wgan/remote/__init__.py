"""Files at URIs, read by fsspec: in blocks, with repetitions, without showing credentials."""
