"""What is found of known anomalies, and with which networks."""
