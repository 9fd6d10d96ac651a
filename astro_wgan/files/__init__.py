"""Files read within limits of size and depth, and written whole or not at all."""
