"""What a classifier may see of sky; tests and benchmarks share it."""

import numpy as np


def statistics(pixels):
    """Power in rings of frequency, moments and quantiles of each stamp, for a classifier."""
    edge = pixels.shape[1]
    flat = pixels.reshape(len(pixels), -1).astype(float)
    mean, scatter = flat.mean(axis=1, keepdims=True), flat.std(axis=1, keepdims=True)
    flat = (flat - mean) / scatter
    power = np.abs(np.fft.fft2(flat.reshape(pixels.shape))) ** 2
    frequency = np.fft.fftfreq(edge, 1 / edge)
    ring = np.rint(np.hypot(frequency, frequency[:, np.newaxis]))
    rings = [np.log(power[:, ring == k].mean(axis=1)) for k in range(1, edge // 2 + 1)]
    quantiles = np.quantile(flat, [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1], axis=1)
    third, fourth = (flat**3).mean(axis=1), (flat**4).mean(axis=1)
    return np.column_stack([*rings, mean, scatter, third, fourth, *quantiles])
