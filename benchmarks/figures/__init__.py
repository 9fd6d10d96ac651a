"""Figures of the documentation that no other benchmark draws."""
