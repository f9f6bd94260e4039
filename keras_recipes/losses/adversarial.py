"""What a critic and a generator minimize against each other."""

from keras import ops

from keras_recipes.config import require
from keras_recipes.training import gradient

ADVERSARIAL_LOSSES = ("non_saturating", "least_squares", "wasserstein", "hinge")


def critic_loss(kind, real, fake, label_smoothing=0.0):
    """The loss of a critic that should score real examples high and generated ones low.

    Args:
        kind: String, one of `ADVERSARIAL_LOSSES`: "non_saturating", the binary
            cross-entropy of logits; "least_squares", the square of the distance
            to 1 and 0; "wasserstein", the difference; or "hinge".
        real: Float tensor of shape `(batch, …)`, scores of real examples.
        fake: Float tensor of shape `(batch, …)`, scores of generated ones.
        label_smoothing: Float in [0, 1), by which the target of real examples
            is below 1, for the first two.

    Returns:
        Float tensor of shape `()`.

    Raises:
        ValueError: For another kind.

    Reference:
        Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661, equation 1;
        Mao et al., 2017, https://arxiv.org/abs/1611.04076, equation 9;
        Arjovsky, Chintala and Bottou, 2017, https://arxiv.org/abs/1701.07875,
        equation 2; Miyato et al., 2018, https://arxiv.org/abs/1802.05957,
        equation 16; label smoothing: Salimans et al., 2016,
        https://arxiv.org/abs/1606.03498, section 3.4.
    """
    require(kind in ADVERSARIAL_LOSSES, "kind", "one of " + ", ".join(map(repr, ADVERSARIAL_LOSSES)), kind)
    target = 1 - label_smoothing
    if kind == "non_saturating":
        return ops.mean(ops.softplus(real) - target * real) + ops.mean(ops.softplus(fake))
    if kind == "least_squares":
        return (ops.mean(ops.square(real - target)) + ops.mean(ops.square(fake))) / 2
    if kind == "hinge":
        return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))
    return ops.mean(fake) - ops.mean(real)


def generator_loss(kind, fake):
    """The loss of a generator whose examples the critic should score high.

    Args:
        kind: String, one of `ADVERSARIAL_LOSSES`.
        fake: Float tensor of shape `(batch, …)`, scores of generated examples.

    Returns:
        Float tensor of shape `()`.

    Raises:
        ValueError: For another kind.

    Reference:
        As for `critic_loss`; "non_saturating": Goodfellow et al., 2014, end of section 3.
    """
    require(kind in ADVERSARIAL_LOSSES, "kind", "one of " + ", ".join(map(repr, ADVERSARIAL_LOSSES)), kind)
    if kind == "non_saturating":
        return ops.mean(ops.softplus(-fake))
    if kind == "least_squares":
        return ops.mean(ops.square(fake - 1)) / 2
    return -ops.mean(fake)


def gradient_penalty(critic, examples, norm):
    """How far the slope of a critic is from what it should be.

    Args:
        critic: Function from examples to their scores, `(batch, …)`; the score
            of an example depends on that example only.
        examples: Float tensor of shape `(batch, …)`: points between real and
            generated examples for WGAN-GP, real examples for R1.
        norm: Float of at least 0, what the norm of the slope should be: 1 for
            WGAN-GP, 0 for R1.

    Returns:
        Float tensor of shape `()`, the mean square of the distance of the norm
        from it. The gradient of the penalty exists also where the slope is 0.

    Reference:
        Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, equation 3;
        Mescheder, Geiger and Nowozin, 2018, https://arxiv.org/abs/1801.04406, equation 9.
    """
    slope = gradient(critic, examples)
    square = ops.sum(ops.square(slope), axis=tuple(range(1, len(slope.shape))))  # (batch,)
    if norm == 0:
        return ops.mean(square)
    return ops.mean(ops.square(ops.sqrt(square + 1e-12) - norm))
