"""Independent judges of the numbers of the package, for its tests and its benchmarks."""
