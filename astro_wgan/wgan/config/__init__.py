"""Configurations of networks and of their training."""
