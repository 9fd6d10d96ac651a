import numpy as np
import pytest
import tensorflow as tf

from astro_wgan.anomaly import LatentSearchConfig, LatentSearcher
from astro_wgan.anomaly.search.search_loss import SearchLosses

BY_ADAM = [{'init': 'zeros', 'optimizer': 'adam'}, {'init': 'mu'}]
SEARCHES = [{'init': 'zeros'}, *BY_ADAM]


@pytest.fixture(scope='module')
def images(wgan, stamps):
    return wgan.images_from_stamps(stamps[:12])


def run(wgan, images, **options):
    return LatentSearcher(wgan, LatentSearchConfig(**options))(*images)


def loss(found):
    return 0.7 * found.residual_loss + 0.3 * found.feature_loss


@pytest.mark.parametrize('options', SEARCHES)
def test_search_finds_the_latent_vector_that_made_an_image(wgan, options):
    latent = np.random.default_rng(2).normal(scale=0.5, size=(6, wgan.network.latent_dim))
    made = wgan.images_from_latent(latent.astype(np.float32))
    ones = np.ones_like(made)
    found = run(wgan, (made, ones), max_iterations=600, tolerance=1e-3, **options)
    first = run(wgan, (made, ones), max_iterations=1, **options)
    assert (found.residual_loss < 0.2 * first.residual_loss).all()


# Few iterations: later, rounding that differs with the size of the batch is amplified.
@pytest.mark.parametrize(
    ('options', 'iterations'), [(SEARCHES[0], 5), *((options, 12) for options in BY_ADAM)]
)
def test_result_is_independent_of_the_batch(wgan, images, options, iterations):
    options = {**options, 'max_iterations': iterations}
    together = run(wgan, images, **options)
    in_threes = run(wgan, images, batch_size=3, **options)
    alone = [run(wgan, [x[k : k + 1] for x in images], **options) for k in range(12)]
    for name in ('latent', 'residual_loss', 'feature_loss'):
        expected = getattr(together, name)
        np.testing.assert_allclose(getattr(in_threes, name), expected, rtol=1e-3, atol=5e-3)
        one_by_one = np.concatenate([getattr(x, name) for x in alone])
        np.testing.assert_allclose(one_by_one, expected, rtol=1e-3, atol=5e-3)


# With BFGS rounding may lead a single image to another minimum.
@pytest.mark.parametrize(
    ('options', 'each'), [(SEARCHES[0], 0.1), *((options, 0.02) for options in BY_ADAM)]
)
def test_converged_losses_are_nearly_independent_of_the_batch(wgan, images, options, each):
    together = run(wgan, images, **options)
    in_threes = run(wgan, images, batch_size=3, **options)
    np.testing.assert_allclose(in_threes.residual_loss, together.residual_loss, rtol=each)
    np.testing.assert_allclose(
        in_threes.residual_loss.mean(), together.residual_loss.mean(), rtol=0.01
    )


def test_images_that_have_converged_leave(wgan, images):
    found = run(wgan, images, batch_size=4, max_iterations=300, tolerance=0.05, patience=10)
    assert found.converged.all()
    assert len(np.unique(found.iterations)) > 1
    assert found.iterations.max() < 300


@pytest.mark.parametrize('iterations', [1, 12])
def test_closest_image_is_that_of_its_latent_vector(wgan, images, iterations):
    found = run(wgan, images, batch_size=5, max_iterations=iterations)
    assert found.closest_images.shape == images[0].shape
    expected = wgan.images_from_latent(found.latent)
    np.testing.assert_allclose(found.closest_images, expected, rtol=1e-4, atol=1e-5)


def test_search_that_ends_early_says_so(wgan, images):
    found = run(wgan, images, max_iterations=15, patience=100)
    assert not found.converged.any()
    assert (found.iterations == 15).all()


@pytest.mark.parametrize('options', SEARCHES)
def test_losses_are_those_of_the_latent_vectors_found(wgan, images, options):
    """L_R and L_F, computed again in NumPy."""
    found = run(wgan, images, max_iterations=20, **options)
    closest = wgan.images_from_latent(found.latent)
    c = [wgan.critic_(x, training=False)[1].numpy() for x in (images[0], closest)]
    np.testing.assert_allclose(
        found.residual_loss, np.abs(images[0] - closest).mean(axis=(1, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(
        found.feature_loss, np.abs(c[0] - c[1]).mean(axis=(1, 2, 3)), rtol=1e-3
    )


# Adam walks where BFGS may jump to another minimum for a difference in the last digit.
@pytest.mark.parametrize(('optimizer', 'within'), [('adam', 0.02), ('bfgs', 0.05)])
def test_search_in_half_precision_comes_as_close_and_measures_in_full(
    wgan, images, optimizer, within
):
    full = run(wgan, images, optimizer=optimizer)
    half = run(wgan, images, optimizer=optimizer, precision='mixed_bfloat16', batch_size=5)
    assert not np.array_equal(half.latent, full.latent)
    assert loss(half).mean() == pytest.approx(loss(full).mean(), rel=within)
    losses = SearchLosses(wgan, seed=0)
    target = losses.target(*images)
    closest, residual, feature = losses(tf.constant(half.latent), target)
    np.testing.assert_allclose(half.closest_images, closest, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(half.residual_loss, residual, rtol=1e-5)
    np.testing.assert_allclose(half.feature_loss, feature, rtol=1e-4)
    np.testing.assert_allclose(half.critic_value, target.critic_value, rtol=1e-4, atol=1e-5)


def test_bfgs_comes_as_close_as_adam_in_fewer_iterations(wgan, images):
    bfgs, adam = (run(wgan, images, optimizer=name) for name in ('bfgs', 'adam'))
    assert loss(bfgs).mean() < 1.01 * loss(adam).mean()
    assert bfgs.iterations.mean() < 0.5 * adam.iterations.mean()


def test_first_step_of_adam_is_that_of_keras(wgan, images):
    import keras

    searcher = LatentSearcher(wgan, LatentSearchConfig(optimizer='adam', learning_rate=0.1))
    target = searcher._losses.target(*images)
    _, state = searcher._begin(*images, images[0])
    z = tf.Variable(state.parameters[0])
    optimizer = keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    for _ in range(3):
        state = searcher._iterate(target, state)
        with tf.GradientTape() as tape:
            _, residual, feature = searcher._losses(z, target)
            total = tf.reduce_sum(0.7 * residual + 0.3 * feature)
        optimizer.apply([tape.gradient(total, z)], [z])
        np.testing.assert_allclose(state.parameters[0], z.numpy(), rtol=1e-3, atol=1e-5)


def test_mu_is_the_papers_network(wgan, images):
    """Two fully connected layers on a fixed noise vector, computed again in NumPy."""
    searcher = LatentSearcher(wgan, LatentSearchConfig(init='mu', seed=3))
    parametrization = searcher._parametrization
    first, first_bias, second, second_bias = (
        np.asarray(p)[0] for p in parametrization.parameters(images[0][:1])
    )
    hidden = np.asarray(parametrization._noise) @ first + first_bias
    expected = np.where(hidden > 0, hidden, 0.2 * hidden) @ second + second_bias
    _, state = searcher._begin(*(x[:2] for x in (*images, images[0])))
    np.testing.assert_allclose(state.best_latent, [expected, expected], rtol=1e-4, atol=1e-5)


def test_a_single_iteration_is_the_initialization(wgan, images):
    """Images of three batches and a part of one, beside a search that notes its beginning alone."""
    once = run(wgan, images, init='zeros', max_iterations=1, batch_size=5)
    searcher = LatentSearcher(wgan, LatentSearchConfig(init='zeros', max_iterations=2))
    target, state = searcher._begin(*images, images[0])
    begun = searcher._iterate(target, state)
    best = {
        'latent': begun.best_latent,
        'closest_images': begun.best_image,
        'residual_loss': begun.best_residual_loss,
        'feature_loss': begun.best_feature_loss,
    }
    for name, expected in best.items():
        np.testing.assert_allclose(getattr(once, name), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(once.critic_value, target.critic_value, rtol=1e-4, atol=1e-5)
    assert (once.iterations == 1).all()
    assert not once.converged.any()


@pytest.mark.parametrize('iterations', [1, 3])
def test_no_images_give_no_rows(wgan, images, iterations):
    found = run(wgan, [x[:0] for x in images], max_iterations=iterations)
    assert found.latent.shape == (0, wgan.network.latent_dim)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'init': 'encoder?'}, "`init` must be one of .*'mu', 'zeros'.*got 'encoder\\?'"),
        ({'gamma': 1.5}, '`gamma` must lie between 0 and 1; got 1.5'),
        ({'learning_rate': 0.0}, '`learning_rate` must be above 0'),
        (
            {'optimizer': 'sgd'},
            "`optimizer` with `init='zeros'` must be one of .*'adam', 'bfgs'.*got 'sgd'",
        ),
        (
            {'init': 'mu', 'optimizer': 'bfgs'},
            "with `init='mu'` must be one of .'adam'.; got 'bfgs'",
        ),
        ({'precision': 'mixed_float16'}, "`precision` must be .*'mixed_bfloat16'.*float16'"),
        ({'batch_size': 0}, '`batch_size` must be at least 1; got 0'),
        ({'tolerance': -1.0}, '`tolerance` must not be negative'),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LatentSearchConfig(**options)
