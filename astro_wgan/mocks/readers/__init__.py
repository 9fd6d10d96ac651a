"""Readers of simulations: light maps, snapshots, particle tables."""
