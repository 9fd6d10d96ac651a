"""Trained models and checkpoints in files."""
