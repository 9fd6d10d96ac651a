"""Rows of results: their orders, labels, features and facts."""
