"""What arrays and indices are accepted."""
