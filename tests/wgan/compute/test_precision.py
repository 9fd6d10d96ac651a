"""Training in mixed precision, beside float32."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from astro_wgan import WGAN, StampSet
from astro_wgan.wgan import NetworkConfig, TrainingConfig
from astro_wgan.wgan.compute import hardware
from astro_wgan.wgan.compute.precision import with_compute_dtype
from astro_wgan.wgan.networks import build_critic, build_generator
from astro_wgan.wgan.trainer import AdversarialTrainer

NETWORK = NetworkConfig(
    size=16, latent_dim=4, generator_filters=(8, 8, 4), critic_filters=(4, 8), critic_dense=8
)
TRAINING = {'batch_size': 16, 'critic_steps': 1, 'learning_rate': 1e-3}
MIXED = ['mixed_bfloat16', 'mixed_float16']
# Distance of two neighboring numbers near 1.
SPACING = {'mixed_bfloat16': 2.0**-7, 'mixed_float16': 2.0**-10}


@pytest.fixture(scope='module')
def images():
    return np.random.default_rng(1).normal(size=(16, 16, 16, 1)).astype(np.float32)


def trainer(precision='float32', *, network=NETWORK, **training):
    networks = build_generator(network, seed=1), build_critic(network, seed=2)
    options = TrainingConfig(**{**TRAINING, **training}, precision=precision)
    return AdversarialTrainer(*networks, network, options, seed=3)


@pytest.mark.parametrize('precision', MIXED)
def test_layers_compute_in_half_precision_and_give_float32(images, precision):
    critic = build_critic(NETWORK, seed=2)
    compute = with_compute_dtype(critic, precision)
    exact, found = critic(images)[0], compute(images)[0]
    assert found.dtype == tf.float32
    error = np.max(np.abs(exact - found)) / np.std(exact)
    assert SPACING[precision] / 100 < error < 10 * SPACING[precision]
    # The weights are those of the network, now and later.
    critic.get_layer('value').bias.assign([100.0])
    np.testing.assert_allclose(compute(images)[0] - found, 100.0, rtol=1e-3)


@pytest.mark.parametrize('precision', MIXED)
def test_gradients_reach_the_weights_in_float32(images, precision):
    critic = build_critic(NETWORK, seed=2)
    gradients = []
    for compute in (critic, with_compute_dtype(critic, precision)):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(tf.square(compute(images)[0]))
        gradients.append(tape.gradient(value, critic.trainable_variables))
    for exact, found in zip(*gradients, strict=True):
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, exact, atol=0.1 * np.abs(exact).max())


def test_penalty_is_that_of_float32(images):
    """Of the same images the penalty is the same to the last digits, the critic's loss is not."""
    measured = []
    for precision in ('float32', 'mixed_bfloat16'):
        real, fake = tf.constant(images), tf.constant(images[::-1] ** 2)
        measured.append(trainer(precision)._critic_step(real, fake, tf.constant(0)))
    exact, found = measured
    assert float(found['gradient_penalty']) == pytest.approx(
        float(exact['gradient_penalty']), rel=1e-6
    )
    assert float(found['wasserstein_distance']) == pytest.approx(
        float(exact['wasserstein_distance']), abs=0.05
    )
    assert float(found['wasserstein_distance']) != float(exact['wasserstein_distance'])


@pytest.mark.parametrize('layer_normalization', [False, True])
def test_penalty_in_half_precision_is_near_that_of_float32(images, layer_normalization):
    network = replace(NETWORK, critic_layer_normalization=layer_normalization)
    real, fake = tf.constant(images), tf.constant(images[::-1] ** 2)
    measured = []
    for options in ({}, {'precision': 'mixed_bfloat16', 'penalty_in_float32': False}):
        made = trainer(network=network, **options)
        measured.append(float(made._critic_step(real, fake, tf.constant(0))['gradient_penalty']))
    exact, found = measured
    assert found != exact
    assert found == pytest.approx(exact, rel=0.05)


def losses(made, images):
    step = tf.function(made.train_step)
    return np.array([float(step(images)['critic_loss']) for _ in range(12)])


@pytest.fixture(scope='module')
def exact_losses(images):
    return losses(trainer('float32'), images)


@pytest.mark.parametrize(
    ('options', 'largest'),
    [
        ({'precision': 'mixed_bfloat16'}, 0.2),
        ({'precision': 'mixed_float16'}, 0.1),
        ({'precision': 'mixed_bfloat16', 'penalty_in_float32': False}, 0.2),
    ],
)
def test_mixed_training_follows_that_in_float32(images, exact_losses, options, largest):
    made = trainer(**options)
    found = losses(made, images)
    assert exact_losses[-1] < exact_losses[0] - 1
    errors = np.sort(np.abs(found - exact_losses)) / np.ptp(exact_losses)
    assert np.median(errors) < 0.03
    # At one of the steps a leaky ReLU changes sides in bfloat16, and the penalty jumps with it.
    assert errors[-2] < 0.1
    assert errors[-1] < largest
    assert not {v.dtype for _, v in made.state_variables()} & {'bfloat16', 'float16'}


def test_step_that_overflows_is_left_out_and_the_scale_lowered(images):
    made = trainer('mixed_float16')
    optimizer = made.critic_optimizer
    optimizer.dynamic_scale.assign(1e30)
    before = made.critic.get_weights()
    measured = made.train_step(tf.constant(images))
    assert all(np.isfinite(x) for x in measured.values())
    assert float(optimizer.dynamic_scale.numpy()) == pytest.approx(5e29)
    for old, new in zip(before, made.critic.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.fixture(scope='module')
def stamps():
    return StampSet(np.random.default_rng(1).normal(size=(32, 16, 16)))


@pytest.mark.parametrize(('units', 'expected'), [(True, 'mixed_bfloat16'), (False, 'float32')])
def test_fitted_model_says_which_precision_auto_was(stamps, monkeypatch, units, expected):
    monkeypatch.setattr(hardware, 'has_bfloat16_units', lambda: units)
    wgan = WGAN(NETWORK, TrainingConfig(**TRAINING, precision='auto'))
    wgan.fit(stamps, iterations=1, progress=False)
    assert wgan.provenance_['precision'] == expected
    # The configuration keeps 'auto', so that a training can resume on another machine.
    assert wgan.training.precision == 'auto'


def test_model_and_checkpoint_keep_the_precision(stamps, tmp_path):
    checkpoint = tmp_path / 'state.npz'
    configuration = TrainingConfig(**TRAINING, precision='mixed_bfloat16')
    options = {'checkpoint': checkpoint, 'progress': False}
    wgan = WGAN(NETWORK, configuration).fit(stamps, iterations=1, **options)
    wgan.save(tmp_path / 'model')
    again = WGAN.load(tmp_path / 'model')
    assert again.training.precision == 'mixed_bfloat16'
    # Scores are computed in float32.
    assert {layer.compute_dtype for layer in again.critic_.layers} == {'float32'}
    np.testing.assert_array_equal(again.critic_value(stamps), wgan.critic_value(stamps))
    with pytest.raises(ValueError, match=r"`training\.precision` was 'mixed_bfloat16' and is '"):
        WGAN(NETWORK, TrainingConfig(**TRAINING)).fit(stamps, iterations=2, **options)


def test_what_was_written_before_there_was_precision_is_read(stamps, tmp_path):
    checkpoint, folder = tmp_path / 'state.npz', tmp_path / 'model'
    configuration = TrainingConfig(**TRAINING)
    options = {'checkpoint': checkpoint, 'progress': False}
    WGAN(NETWORK, configuration).fit(stamps, iterations=1, **options).save(folder)
    description = json.loads((folder / 'model.json').read_text())
    del description['training']['precision']
    description['format'] = 'astro_wgan model 1'
    (folder / 'model.json').write_text(json.dumps(description))
    # There were no checksums, either.
    (folder / 'manifest.json').unlink()
    assert WGAN.load(folder).training == configuration
    with np.load(checkpoint) as file:
        arrays = dict(file)
    header = json.loads(str(arrays['header']))
    del header['fingerprint']['settings']['training.precision']
    np.savez(checkpoint, **{**arrays, 'header': np.array(json.dumps(header))})
    wgan = WGAN(NETWORK, configuration).fit(stamps, iterations=2, **options)
    assert wgan.provenance_['iterations'] == 2


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"`precision` must be one of 'float32'.*got 'half'"):
        TrainingConfig(precision='half')
