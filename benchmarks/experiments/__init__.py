"""What is found of known anomalies, and by which network."""
