"""File formats: atomic writing, and reading within limits of size and depth."""
