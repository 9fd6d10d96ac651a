"""Tables as astronomers keep them: columns, units, positions, files."""
