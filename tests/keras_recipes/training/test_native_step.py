"""A `StepModel` trains to the same bits as a step written by hand for each backend."""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_recipes.data import Batches
from keras_recipes.training import fit
from keras_recipes.training.torch_adam import fused_adam
from tests.keras_recipes.training.step_models import NOISE, POINTS, cross_entropy, gan, same_bits, train

STEPS = [slice(begin, begin + 8) for begin in (0, 8, 16, 24)]


def critic_loss(real, fake):
    return ops.mean(cross_entropy(real, 1.0) + cross_entropy(fake, 0.0))


def generator_loss(fake):
    return ops.mean(cross_entropy(fake, 1.0))


def jax_steps(model, epochs):
    """In the style of JAX: values in, values out, and nothing that is written to."""
    import jax

    parts = {"critic": model.critic, "generator": model.generator}
    optimizers = model.optimizer.parts

    def call(part, weights, x):
        return parts[part].stateless_call(weights, [], x)[0]

    @jax.jit
    def step(weights, slots, real, noise):
        def critic_objective(critic):
            fake = jax.lax.stop_gradient(call("generator", weights["generator"], noise))
            return critic_loss(call("critic", critic, real), call("critic", critic, fake))

        def generator_objective(generator):
            return generator_loss(call("critic", weights["critic"], call("generator", generator, noise)))

        for part, objective in [("critic", critic_objective), ("generator", generator_objective)]:
            _, gradients = jax.value_and_grad(objective)(weights[part])
            new, new_slots = optimizers[part].stateless_apply(slots[part], gradients, weights[part])
            weights, slots = {**weights, part: new}, {**slots, part: new_slots}
        return weights, slots

    weights = {part: [v.value for v in net.trainable_variables] for part, net in parts.items()}
    slots = {part: [v.value for v in optimizer.variables] for part, optimizer in optimizers.items()}
    for rows in STEPS * epochs:
        weights, slots = step(weights, slots, POINTS[rows], NOISE[rows])
    for part, net in parts.items():
        variables = [*net.trainable_variables, *optimizers[part].variables]
        for variable, value in zip(variables, [*weights[part], *slots[part]], strict=True):
            variable.assign(value)


def tensorflow_steps(model, epochs):
    """In the style of TensorFlow: a tape per loss, in a function that becomes a graph."""
    import tensorflow as tf

    @tf.function
    def step(real, noise):
        with tf.GradientTape() as tape:
            fake = tf.stop_gradient(model.generator(noise))
            loss = critic_loss(model.critic(real), model.critic(fake))
        weights = model.critic.trainable_variables
        model.optimizer.parts["critic"].apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape() as tape:
            loss = generator_loss(model.critic(model.generator(noise)))
        weights = model.generator.trainable_variables
        model.optimizer.parts["generator"].apply(tape.gradient(loss, weights), weights)

    for rows in STEPS * epochs:
        step(tf.constant(POINTS[rows]), tf.constant(NOISE[rows]))


def torch_steps(model, epochs):
    """In the style of PyTorch: `backward`, then gradients that lie in the weights."""
    import torch

    def update(loss, part):
        model.zero_grad()
        loss.backward()
        weights = getattr(model, part).trainable_variables
        with torch.no_grad():
            model.optimizer.parts[part].apply([weight.value.grad for weight in weights], weights)

    for rows in STEPS * epochs:
        real, noise = torch.tensor(POINTS[rows]), torch.tensor(NOISE[rows])
        update(critic_loss(model.critic(real), model.critic(model.generator(noise).detach())), "critic")
        update(generator_loss(model.critic(model.generator(noise))), "generator")


def optimizers():
    """Adam and a moving average: what both keep counts, too."""
    return keras.optimizers.Adam(0.01, beta_1=0.5, use_ema=True, ema_momentum=0.9)


@pytest.mark.parametrize("eager", [False, True])
def test_weights_and_moments_have_the_same_bits(eager):
    """After 12 steps; eagerly JAX compiles each operation by itself, which rounds elsewhere."""
    model, by_hand = gan(optimizers, run_eagerly=eager), gan(optimizers)
    before = by_hand.get_weights()
    train(model, epochs=3)
    {"jax": jax_steps, "tensorflow": tensorflow_steps, "torch": torch_steps}[keras.config.backend()](by_hand, 3)
    for part, optimizer in by_hand.optimizer.parts.items():  # as `fit` does at its end
        optimizer.finalize_variable_values(getattr(by_hand, part).trainable_variables)
    if eager:
        for one, other in zip(model.get_weights(), by_hand.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
        return
    assert same_bits(model, by_hand)
    assert not same_bits(before, by_hand.get_weights())
    train(model, epochs=1, batch_size=32)
    assert not same_bits(model, by_hand)


def test_many_steps_per_dispatch_have_the_same_bits():
    """As `model.fit` has with the same `Batches`; on torch a step is recorded after the third."""
    models, batches = [gan(optimizers), gan(optimizers)], [Batches(((POINTS, NOISE),), 8, seed=3) for _ in range(2)]
    with contextlib.ExitStack() as stack:  # torch: `fit` updates in one pass, which rounds elsewhere
        for optimizer in models[0].optimizer.optimizers:
            stack.enter_context(fused_adam(optimizer))
        histories = [models[0].fit(batches[0], epochs=3, shuffle=False, verbose=0).history]
    histories.append(fit(models[1], batches[1], 3))
    assert same_bits(*models)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-6)
    other = gan(optimizers)
    fit(other, Batches(((POINTS, NOISE),), 8, seed=4), 3)
    assert not same_bits(models[0], other)
