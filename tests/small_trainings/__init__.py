"""Trainings that tests run both in their own process and in others, which are killed or many."""
