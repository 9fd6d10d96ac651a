"""A network that tells stamps from the same stamps with anomalies injected."""
