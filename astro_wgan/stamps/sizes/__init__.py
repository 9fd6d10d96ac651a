"""Stamps of another size, scale or center."""
