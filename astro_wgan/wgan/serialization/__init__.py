"""Fitted models and checkpoints of trainings in files."""
