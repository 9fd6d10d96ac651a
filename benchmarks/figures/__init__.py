"""Figures of the documentation that no other command makes."""
