"""BFGS for many images at once, beside closed formulas."""

import numpy as np
import tensorflow as tf

from astro_wgan.anomaly.search.optimizers import make_optimizer

N, SIZE = 5, 4


def bowls(seed=0):
    """Quadratic functions, one per row: their Hessians, and where each is least."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(N, SIZE, SIZE))
    hessians = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(SIZE)
    return hessians.astype(np.float32), rng.normal(size=(N, SIZE)).astype(np.float32)


def descend(z, losses_and_gradients, *, steps, longest=1.0):
    """Every z on the way, and the last state of the optimizer."""
    optimizer = make_optimizer('bfgs', longest)
    parameters = [tf.constant(z)]
    state, way = optimizer.initial_state(parameters), [z]
    for age in range(1, steps + 1):
        loss, gradient = losses_and_gradients(parameters[0])
        ages = tf.fill((len(z),), age)
        parameters, state = optimizer.step(parameters, [gradient], loss, state, ages)
        way.append(parameters[0].numpy())
    return np.array(way), state


def quadratic(hessians, centers):
    def losses_and_gradients(z):
        gradient = tf.linalg.matvec(hessians, z - centers)
        return 0.5 * tf.reduce_sum(gradient * (z - centers), axis=1), gradient

    return losses_and_gradients


def test_all_quadratic_functions_are_minimized_and_their_hessians_learned():
    hessians, centers = bowls()
    way, state = descend(np.zeros((N, SIZE), np.float32), quadratic(hessians, centers), steps=40)
    np.testing.assert_allclose(way[-1], centers, atol=2e-3)
    # Along the steps made, the inverse is that of the Hessian.
    product = state.inverse_hessian.numpy() @ hessians
    assert np.linalg.norm(product - np.eye(SIZE), axis=(1, 2)).max() < 1


def test_the_last_change_of_the_gradient_is_explained():
    """The secant equation, Nocedal & Wright 2006, 6.2: the inverse of the change is the step."""
    hessians, centers = bowls(1)
    way, state = descend(np.zeros((N, SIZE), np.float32), quadratic(hessians, centers), steps=3)
    moved = way[2] - way[1]
    turned = np.einsum('nij,nj->ni', hessians, moved)
    found = np.einsum('nij,nj->ni', state.inverse_hessian.numpy(), turned)
    np.testing.assert_allclose(found, moved, rtol=1e-2, atol=1e-4)


def test_update_is_that_of_the_textbook():
    """Equation 6.17 of Nocedal & Wright 2006 in NumPy, after one step."""
    hessians, centers = bowls(2)
    way, state = descend(
        np.zeros((N, SIZE), np.float32), quadratic(hessians, centers), steps=2, longest=0.2
    )
    for k in range(N):
        s = (way[1] - way[0])[k].astype(float)
        y = hessians[k].astype(float) @ s
        first = 0.2 / np.linalg.norm(hessians[k] @ (way[0] - centers)[k]) * np.eye(SIZE)
        left = np.eye(SIZE) - np.outer(s, y) / (s @ y)
        expected = left @ first @ left.T + np.outer(s, s) / (s @ y)
        np.testing.assert_allclose(state.inverse_hessian[k], expected, rtol=1e-3, atol=1e-5)


def test_no_step_is_longer_than_the_longest_and_the_first_is_as_long():
    hessians, centers = bowls(3)
    way, _ = descend(
        np.zeros((N, SIZE), np.float32), quadratic(hessians, 9 * centers), steps=8, longest=0.3
    )
    lengths = np.linalg.norm(np.diff(way, axis=0), axis=2)
    np.testing.assert_allclose(lengths[0], 0.3, rtol=1e-5)
    assert lengths.max() < 0.3 * (1 + 1e-5)


def test_a_step_that_leads_up_is_taken_back_and_made_shorter():
    """A valley much narrower than the first step."""

    def valley(z):
        return 50 * tf.reduce_sum(z**2, axis=1), 100 * z

    start = np.full((1, SIZE), 0.01, np.float32)
    way, _ = descend(start, valley, steps=3, longest=1.0)
    heights = 50 * (way**2).sum(axis=(1, 2))
    assert heights[1] > heights[0]
    assert heights[2] < heights[0]


def test_a_flat_function_is_left_alone():
    def flat(z):
        return tf.zeros((len(z),)), tf.zeros_like(z)

    start = np.ones((2, SIZE), np.float32)
    way, state = descend(start, flat, steps=3)
    np.testing.assert_array_equal(way[-1], start)
    assert np.isfinite(state.inverse_hessian.numpy()).all()
