"""What `leaderboard.py` consists of: populations, detectors, networks, tables."""
