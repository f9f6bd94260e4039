"""DCGAN and WGAN-GP with Keras' layers and optimizers, the step by hand: as it is written for one backend, three times.

What `StepModel` saves its users from writing, and what its speed is measured against.
"""

from types import SimpleNamespace

import keras
import numpy as np
from keras import ops

from keras_recipes.data import Batches
from keras_recipes.gan_networks import gan_critic, gan_generator
from keras_recipes.losses import critic_loss, generator_loss


def covers(config):
    """Whether the objective is one of those that are written here."""
    return config.objective in ("dcgan", "wgan_gp")


def build(config, data):
    """Critic, generator and its average, and an optimizer for each of the two that learn."""
    inputs = data.train[0] if config.conditional else (data.train[0],)
    classes = data.sizes["num_classes"] if config.conditional else 0
    example = inputs[0].shape[1:], classes
    sizes = {"filters": config.filters, "hidden_units": config.hidden_units}
    steps = config.epochs * (len(inputs[0]) // (config.batch_size * config.critic_steps))

    def adam(rate, steps):
        rate = keras.optimizers.schedules.CosineDecay(rate, steps) if config.decay else rate
        return keras.optimizers.Adam(rate, config.beta_1)

    return SimpleNamespace(
        critic=gan_critic(*example, **sizes, offset=config.objective == "dcgan"),
        generator=gan_generator(*example, config.latent_dim, **sizes, name="generator"),
        average=gan_generator(*example, config.latent_dim, **sizes, name="average"),
        critic_optimizer=adam(config.critic_learning_rate, steps * config.critic_steps),
        generator_optimizer=adam(config.learning_rate, steps),
    )


def load(model, weights):
    """Put in the weights of the recipe's model."""
    for part in (model.critic, model.generator, model.average):
        for weight in part.weights:
            weight.assign(weights[weight.path])


def train(model, data, config):
    """Let critic and generator learn from each other."""
    inputs = data.train[0] if config.conditional else (data.train[0],)
    inputs = tuple(array.astype(keras.config.floatx()) for array in inputs)
    batches = Batches(inputs, config.batch_size * config.critic_steps, config.seed, whole=True)
    for part in ("critic", "generator"):
        getattr(model, f"{part}_optimizer").build(getattr(model, part).trainable_variables)
    steps = {"jax": jax_step, "tensorflow": tensorflow_step, "torch": torch_step}
    step = steps[keras.config.backend()](model, config)
    for _ in range(config.epochs):
        batches.on_epoch_end()  # Keras' `fit` draws an order that it does not use, too
        losses = [step(batches[index]) for index in range(len(batches))]
        yield np.stack([np.asarray(ops.convert_to_numpy(loss)) for loss in losses])  # (steps, 2)


def shares_of(batch, config):
    """Arrays of a batch as a list of inputs for each step of the critic."""
    shares = [ops.reshape(array, (config.critic_steps, config.batch_size, *array.shape[1:])) for array in batch]
    return [[share[index] for share in shares] for index in range(config.critic_steps)]


def critic_objective(config, score, real, fake, share, slope_of):
    """The critic's loss; `slope_of` takes the gradient of the score at points between real and generated ones."""
    if config.objective == "dcgan":
        return critic_loss("non_saturating", score(real), score(fake), config.label_smoothing)
    slope = slope_of(share * real + (1 - share) * fake)
    norm = ops.sqrt(ops.sum(ops.square(slope), axis=tuple(range(1, len(slope.shape)))) + 1e-12)
    loss = critic_loss("wasserstein", score(real), score(fake))
    return loss + config.penalty_weight * ops.mean(ops.square(norm - 1))


def generator_objective(config, score, fake):
    """The generator's loss."""
    return generator_loss("non_saturating" if config.objective == "dcgan" else "wasserstein", score(fake))


def score_by(critic, classes):
    """Function from examples of these classes to scores."""
    return lambda examples: critic([examples, *classes], training=True)


def shapes_of(real, config):
    """Shapes of the codes, and of the shares of real in points between real and generated examples."""
    return (real.shape[0], config.latent_dim), (real.shape[0], *[1] * (len(real.shape) - 1))


def jax_step(model, config):
    """In the style of JAX: a compiled function from values to values, which are kept from step to step."""
    import jax

    losses = jax_losses(model, config)
    optimizers = {"critic": model.critic_optimizer, "generator": model.generator_optimizer}

    def update(part, state, key, inputs):
        gradient = jax.value_and_grad(losses[part], has_aux=True)
        (loss, rest), gradients = gradient(state[part], state, key, *inputs)
        weights, slots = optimizers[part].stateless_apply(state["slots"][part], gradients, state[part])
        return loss, {**state, "rest": rest, part: weights, "slots": {**state["slots"], part: slots}}

    def step(state, batch):
        key, fool, *keys = jax.random.split(state["key"], config.critic_steps + 2)
        shares = shares_of(batch, config)
        for own, inputs in zip(keys, shares, strict=True):
            judged, state = update("critic", state, own, inputs)
        fooled, state = update("generator", state, fool, shares[0])
        weights = zip(state["average"], [*state["generator"], *state["rest"]], strict=True)
        average = [config.average * slow + (1 - config.average) * now for slow, now in weights]
        return ops.stack([judged, fooled]), {**state, "average": average, "key": key}

    compiled = jax.jit(step, donate_argnums=0)
    parts = {"critic": model.critic, "generator": model.generator}
    averaged = [*model.average.trainable_variables, *model.average.non_trainable_variables]
    slots = {part: [v.value for v in optimizer.variables] for part, optimizer in optimizers.items()}
    state = {part: [v.value for v in net.trainable_variables] for part, net in parts.items()}
    state |= {"slots": slots, "rest": [v.value for v in model.generator.non_trainable_variables]}
    states = [state | {"average": [v.value for v in averaged], "key": jax.random.key(config.seed)}]

    def run(batch):
        loss, states[0] = compiled(states[0], batch)
        return loss

    return run


def jax_losses(model, config):
    """Dict of the losses of both parts, functions of their weights; with it they return running averages."""
    import jax

    def generate(weights, state, key, real, classes):
        code = jax.random.normal(key, shapes_of(real, config)[0])
        return model.generator.stateless_call(weights, state["rest"], [code, *classes], training=True)

    def scored_by(weights, classes):
        return lambda examples: model.critic.stateless_call(weights, [], [examples, *classes], training=True)[0]

    def of_critic(weights, state, key, real, *classes):
        code_key, share_key = jax.random.split(key)
        fake, rest = generate(state["generator"], state, code_key, real, classes)
        share = jax.random.uniform(share_key, shapes_of(real, config)[1])
        score = scored_by(weights, classes)
        slope_of = jax.grad(lambda examples: score(examples).sum())
        return critic_objective(config, score, real, jax.lax.stop_gradient(fake), share, slope_of), rest

    def of_generator(weights, state, key, real, *classes):
        fake, rest = generate(weights, state, key, real, classes)
        return generator_objective(config, scored_by(state["critic"], classes), fake), rest

    return {"critic": of_critic, "generator": of_generator}


def tensorflow_step(model, config):
    """In the style of TensorFlow: a tape per loss, in a function that becomes a graph and is compiled."""
    import tensorflow as tf

    floatx = keras.config.floatx()

    def generate(real, classes):
        return model.generator([tf.random.normal(shapes_of(real, config)[0], dtype=floatx), *classes], training=True)

    def update(part, optimizer, tape, loss):
        optimizer.apply(tape.gradient(loss, part.trainable_variables), part.trainable_variables)

    def on_critic(real, *classes):
        score = score_by(model.critic, classes)

        def slope_of(examples):
            with tf.GradientTape() as tape:
                tape.watch(examples)
                scores = score(examples)
            return tape.gradient(scores, examples)

        fake = generate(real, classes)
        with tf.GradientTape() as tape:
            share = tf.random.uniform(shapes_of(real, config)[1], dtype=floatx)
            loss = critic_objective(config, score, real, fake, share, slope_of)
        update(model.critic, model.critic_optimizer, tape, loss)
        return loss

    @tf.function(jit_compile=True)
    def step(batch):
        shares = shares_of(batch, config)
        judged = [on_critic(*inputs) for inputs in shares][-1]
        real, *classes = shares[0]
        with tf.GradientTape() as tape:
            fake = generate(real, classes)
            fooled = generator_objective(config, score_by(model.critic, classes), fake)
        update(model.generator, model.generator_optimizer, tape, fooled)
        for slow, now in zip(model.average.weights, model.generator.weights, strict=True):
            slow.assign(config.average * slow + (1 - config.average) * now)
        return tf.stack([judged, fooled])

    return lambda batch: step([tf.constant(array) for array in batch])


def torch_step(model, config):
    """In the style of PyTorch: `backward`, then gradients that lie in the weights."""
    import torch

    def generate(real, classes):
        code = torch.randn(shapes_of(real, config)[0], device=real.device)
        return model.generator([code, *classes], training=True)

    def update(part, optimizer, loss):
        part.zero_grad()
        loss.backward()
        with torch.no_grad():
            optimizer.apply([weight.value.grad for weight in part.trainable_weights], part.trainable_weights)

    def on_critic(real, *classes):
        score = score_by(model.critic, classes)

        def slope_of(examples):
            examples.requires_grad_()
            return torch.autograd.grad(score(examples).sum(), examples, create_graph=True)[0]

        share = torch.rand(shapes_of(real, config)[1], device=real.device)
        loss = critic_objective(config, score, real, generate(real, classes).detach(), share, slope_of)
        update(model.critic, model.critic_optimizer, loss)
        return loss.detach()

    def step(batch):
        shares = shares_of([ops.convert_to_tensor(array) for array in batch], config)
        judged = [on_critic(*inputs) for inputs in shares][-1]
        real, *classes = shares[0]
        fooled = generator_objective(config, score_by(model.critic, classes), generate(real, classes))
        update(model.generator, model.generator_optimizer, fooled)
        with torch.no_grad():
            for slow, now in zip(model.average.weights, model.generator.weights, strict=True):
                slow.value.lerp_(now.value, 1 - config.average)
        return torch.stack([judged, fooled.detach()])

    return step
