"""Whether numbers are right."""
