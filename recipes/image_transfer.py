"""Image transfer learning: a network that knows ImageNet learns other classes from few pictures.

    python -m recipes.image_transfer                                         # cats and dogs
    python -m recipes.image_transfer --preset smoke                          # no download, seconds
    python -m recipes.image_transfer --backbone EfficientNetV2B0 --backbone-width 1 --image-size 224
    python -m recipes.image_transfer --dataset my_folder/                    # with a folder of pictures per class
    python -m recipes.image_transfer --dataset labels.csv --task multi_label --augmentation from_above
    python -m recipes.image_transfer --learning-rate 0                       # the one that the finder suggests

It trains in two stages. In the first one the network is left as it is: it looks at each picture once, and the head
learns from what it has seen, in seconds. In the second one all layers learn, the first ones most slowly.

Source: Howard and Gugger, 2020, https://arxiv.org/abs/2002.04688, section 2.1 (fastai: head, then all; one cycle;
    rates that differ by layer; test-time augmentation);
    Yosinski, Clune, Bengio and Lipson, 2014, https://arxiv.org/abs/1411.1792 (what transfers).
Reaches: 0.9510 on JAX, 0.9540 on TensorFlow, 0.9490 on PyTorch (one seed), from 2,000 cats and dogs of 128 pixels; a
    linear model of what it saw first 0.930. `squeezenet` 0.952 to 0.956 (0.949), `mobilenet_v2` 0.966 to 0.968 (0.960).
"""

import dataclasses
import functools
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from keras_recipes.augmentation import AUGMENTATIONS, SmallAtFirst, ViewBatches, average_of_views
from keras_recipes.backbones import backbone, cut_groups
from keras_recipes.config import parse_config, require, require_at_least, require_fraction, require_one_of, require_seed
from keras_recipes.data import Batches, Data
from keras_recipes.files import as_json, write_file
from keras_recipes.frozen_features import accuracy_of_frozen_features
from keras_recipes.image_files import in_batches, load_image_files
from keras_recipes.image_textures import synthetic_textures
from keras_recipes.images import as_unit_floats
from keras_recipes.interpretation import best_threshold, class_metrics, decode, multi_label_metrics
from keras_recipes.interpretation_pictures import classifier_pictures, multi_label_pictures
from keras_recipes.layer_groups import group_numbers, spread_rates
from keras_recipes.layers import GlobalConcatPooling2D
from keras_recipes.learning_rate_finder import find_learning_rate
from keras_recipes.optimizers import AdamW
from keras_recipes.pictures import image_grid
from keras_recipes.rate_pictures import rate_search_picture, schedule_picture
from keras_recipes.run import save_run
from keras_recipes.schedules import one_cycle
from keras_recipes.task_heads import activate, task_head
from keras_recipes.training import Checkpoint, fit


@dataclass(frozen=True)
class Config:
    """What can be chosen; each field is a flag of the command line."""

    dataset: str = "cats_dogs"  # or "mnist_sample"; "synthetic"; or path of class folders or a CSV file
    task: str = "multi_class"  # or "multi_label", for several classes per picture, or none
    backbone: str = "MobileNet"  # a network of keras.applications; or "squeezenet"; "resnet18" and others
    weights: str = "imagenet"  # or the path of a file of weights; or "" for new ones
    backbone_width: float = 0.25  # channels, as a share of the usual ones, of networks that come in widths
    image_size: int = 160  # height and width to which pictures are resized
    first_size: int = 0  # the same in the first half of the epochs, which is then quicker; 0 for no other
    augmentation: str = "photos"  # in training: "none"; "mirrored"; "digits"; "small"; "cutout"; "photos"; "from_above"
    views: int = 4  # of each picture whose predictions are averaged with those of the picture itself
    head_units: int = 512  # width of the hidden layer of the head; 0 for none
    dropout: float = 0.5  # in front of the last layer, and half of it in front of the hidden one
    label_smoothing: float = 0.0  # how far targets are from certain
    batch_size: int = 32  # pictures per step
    head_epochs: int = 10  # passes over what the network has seen, in which the head learns alone
    head_learning_rate: float = 2e-3  # the highest one in these
    epochs: int = 10  # passes over the pictures, in which all layers learn
    learning_rate: float = 2e-3  # the highest one in these, of the head; 0 for what the finder suggests
    rate_spread: float = 3.0  # how many times as fast as the first layers the head learns
    batch_norm: str = "trained"  # the network's statistics, scales and offsets; or left as they are, "frozen"
    weight_decay: float = 0.01  # by how much of the learning rate weights shrink per step
    seed: int = 0  # of new weights, data order, dropout and views

    def __post_init__(self):
        require_one_of(self, "task", ("multi_class", "multi_label"))
        require_one_of(self, "augmentation", AUGMENTATIONS)
        require_one_of(self, "batch_norm", ("frozen", "trained"))
        require_at_least(self, 1, "image_size", "batch_size", "epochs", "rate_spread")
        require_at_least(self, 0, "first_size", "views", "head_units", "head_epochs", "weight_decay")
        require_at_least(self, 0, "head_learning_rate", "learning_rate")
        require_fraction(self, "dropout", "label_smoothing")
        require(self.first_size < self.image_size, "first_size", f"below {self.image_size}", self.first_size)
        require(not self.first_size or self.epochs > 1, "epochs", "2 or more, with a first size", self.epochs)
        require_seed(self, "seed")


SMALL = {
    "dataset": "synthetic", "backbone": "resnet10", "backbone_width": 0.0625, "weights": "", "image_size": 32,
    "head_units": 8, "views": 2, "epochs": 1, "head_epochs": 2, "head_learning_rate": 1e-3, "learning_rate": 1e-3,
    "batch_size": 8,  # as few numbers, so that errors of sums stay small
    "seed": 1,  # with 0 the input of a ReLU lies within rounding of 0 in the first steps
}  # fmt: skip
PRESETS = {
    "full": Config(),
    "mobilenet_v2": Config(
        backbone="MobileNetV2", backbone_width=0.35, image_size=224, augmentation="mirrored",  # the size of ImageNet's
        batch_norm="frozen", head_units=0, head_learning_rate=5e-4, epochs=4, learning_rate=3e-4, rate_spread=10.0),
    "squeezenet": Config(
        backbone="squeezenet", backbone_width=1.0, head_learning_rate=1e-3, learning_rate=1e-3, rate_spread=10.0),
    "smoke": Config(**SMALL),
    "smoke-multi_label": Config(**SMALL | {"learning_rate": 0.0, "head_units": 0}, task="multi_label"),
    "bench": Config(**SMALL | {"backbone_width": 0.25, "image_size": 64, "head_units": 512, "batch_size": 32}),
}  # fmt: skip


def load_data(config):
    """Pictures, bytes of shape (n, height, width, 3), read where they are looked at; and classes.

    These are int32 of shape (n,), or for several per picture float32 of shape (n, num_classes).
    """
    size, several = config.image_size, config.task == "multi_label"
    if config.dataset == "synthetic":
        number, classes = 320 if size <= 32 else 1280, ["wide stripes", "stripes", "narrow stripes"]
        images, targets = synthetic_textures(number, size, len(classes), config.seed, several)
        cut = number * 4 // 5
        train, test = (images[:cut], targets[:cut]), (images[cut:], targets[cut:])
    else:
        options = {"task": config.task, "known": ("synthetic",)}
        train, test, classes = load_image_files(config.dataset, config.seed, (size, size), **options)
    return Data(train, test, {"num_classes": len(classes)}, {"classes": classes})


def build_model(config, data):
    """From pictures of any size to a number for each class; with the finder's rate, if none is given."""
    scaling, network = backbone(config.backbone, config.weights, config.backbone_width)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = config.batch_norm == "trained"
            layer.momentum = 0.9  # else averages lag behind: those of some networks forget in thousands of steps only
    images = keras.Input((None, None, 3), name="images")
    features = GlobalConcatPooling2D(name="pooled")(network(scaling(images)))  # (batch, 2 * channels)
    model = keras.Model(images, build_head(config, data, features.shape[-1])(features), name="image_transfer")
    compile_for(model, data, config, config.learning_rate or 1e-3)
    if not config.learning_rate:
        found = search_rates(model, data, config).suggestion()
        require(found > 0, "learning_rate", "above 0 where the finder suggests nothing", config.learning_rate)
        compile_for(model, data, config, found)
    return model


def build_head(config, data, num_features):
    """From features to a number for each class."""
    features = x = keras.Input((num_features,), name="features")
    if config.head_units > 0:
        x = layers.BatchNormalization(momentum=0.9, name="head_norm0")(x)
        x = layers.Dropout(config.dropout / 2, seed=config.seed, name="head_dropout0")(x)
        x = layers.Dense(config.head_units, activation="relu", use_bias=False, name="head_hidden")(x)
    x = layers.BatchNormalization(momentum=0.9, name="head_norm1")(x)
    x = layers.Dropout(config.dropout, seed=config.seed + 1, name="head_dropout1")(x)
    start = "glorot_uniform" if config.head_units > 0 else "zeros"  # random in directions that no picture changes
    options = {"kernel_initializer": start, "dtype": keras.config.floatx(), "name": "head"}  # not in mixed precision
    logits = layers.Dense(data.sizes["num_classes"], **options)
    return keras.Model(features, logits(x), name="head_layers")


def compile_for(model, data, config, learning_rate):
    """Compile a model for its second stage: one cycle, in which the first half of the network learns most slowly."""
    _, _, network, _, head = model.layers
    groups = cut_groups(network, head.layers)
    multipliers = spread_rates(1 / config.rate_spread, 1.0, len(groups))
    rate, beta_1 = one_cycle(learning_rate, config.epochs * -(-len(data.train[0]) // config.batch_size))
    options = {"multipliers": multipliers, "groups": group_numbers(groups), "weight_decay": config.weight_decay}
    task = task_head(config.task, data.sizes["num_classes"], config.label_smoothing)
    model.compile(AdamW(rate, beta_1, **options), loss=task.loss, metrics=task.metrics)


def search_rates(model, data, config):
    """What the learning-rate finder sees, a `RateSearch`."""
    batches = ViewBatches(data.train, config.batch_size, config.seed, AUGMENTATIONS[config.augmentation])
    return find_learning_rate(model, batches, lowest=1e-6, highest=1.0, steps=60)


def train(model, data, config, callbacks=()):
    """The head on what the network sees, then all layers on views of the pictures."""
    if config.head_epochs > 0:
        train_head(model, data, config)
    views = AUGMENTATIONS[config.augmentation]
    if config.first_size > 0:
        views = SmallAtFirst(views, config.first_size, config.epochs // 2)
    return fit(model, ViewBatches(data.train, config.batch_size, config.seed, views), config.epochs, callbacks)


def train_head(model, data, config):
    """The first stage; its optimizer is its own."""
    head = keras.Model(model.layers[-1].input, model.layers[-1].output, name="head_alone")
    examples = see(model, data.train[0]), data.train[1]
    batches = Batches(examples, config.batch_size, [config.seed, 1])
    rate, beta_1 = one_cycle(config.head_learning_rate, config.head_epochs * len(batches))
    task = task_head(config.task, data.sizes["num_classes"], config.label_smoothing)
    head.compile(AdamW(rate, beta_1, weight_decay=config.weight_decay), loss=task.loss, metrics=task.metrics)
    fit(head, batches, config.head_epochs)


def see(model, images):
    """What the network makes of pictures, float32 of shape (n, 2 * channels)."""
    return in_batches(eyes(model).predict_on_batch, images)


@functools.lru_cache(maxsize=1)  # compiled once
def eyes(model):
    """The model without its head."""
    return keras.Model(model.input, model.get_layer("pooled").output)


def predict(model, images, config):
    """Probabilities of the classes, float64 of shape (n, num_classes), averaged over views of each picture."""
    activation, augmentation = task_head(config.task).activation, AUGMENTATIONS[config.augmentation]

    def probabilities(some):
        return activate(activation, model.predict_on_batch(some))

    return in_batches(lambda some: average_of_views(probabilities, some, augmentation, config.views), images)


def classify(model, picture, classes, config, top=5):
    """The most probable classes of one picture, bytes of shape (height, width, 3): pairs of name and probability."""
    return decode(predict(model, picture[None], config)[0], classes, top)


def evaluate(model, data, config):
    """Accuracy and mean negative log-likelihood on the test pictures; of several classes per picture the F2 score.

    With given weights also what a logistic regression reaches on what the network saw before it was trained.
    """
    (images, targets), probabilities = data.test, predict(model, data.test[0], config)
    if config.task == "multi_label":
        return multi_label_metrics(probabilities, targets, threshold_of(model, data, config))
    metrics, one_view = class_metrics(probabilities, targets), dataclasses.replace(config, views=0)
    metrics["accuracy_of_one_view"] = class_metrics(predict(model, images, one_view), targets)["accuracy"]
    if config.weights:
        scaling, network = backbone(config.backbone, config.weights, config.backbone_width)
        metrics["accuracy_of_frozen_features"] = accuracy_of_frozen_features(scaling, network, data.train, data.test)
    return metrics


def threshold_of(model, data, config):
    """The probability above which a class is said to be there, chosen on training pictures for the best F2 score."""
    rows = np.random.default_rng(config.seed).permutation(len(data.train[1]))[:1000]  # enough
    return best_threshold(predict(model, data.train[0][rows], config), data.train[1][rows])[0]


def show(model, data, config, folder):
    """Views that it was trained on, the finder's curve, the schedule, and what it gets wrong at one look."""
    classes, (images, targets) = data.names["classes"], data.test
    one_view = dataclasses.replace(config, views=0)
    probabilities, augmentation = predict(model, images, one_view), AUGMENTATIONS[config.augmentation]
    views = np.stack([augmentation(data.train[0][:8], np.random.default_rng(row)) for row in range(4)])
    keras.utils.set_random_seed(config.seed)
    search = search_rates(build_model(config, data), data, config)
    rate = keras.saving.deserialize_keras_object(model.optimizer.get_config()["learning_rate"])
    pictures = [
        image_grid(as_unit_floats(views), folder / "views.png", title="views while training"),
        rate_search_picture(search, folder / "rates.png"),
        schedule_picture({"learning rate of the head": rate}, rate.steps, folder / "schedule.png"),
    ]
    if config.task == "multi_class":
        return pictures + classifier_pictures(images, targets, probabilities, classes, folder)
    threshold = threshold_of(model, data, one_view)
    return pictures + multi_label_pictures(images, targets, probabilities, classes, threshold, folder)


def main(argv=None):
    config, folder = parse_config(Config, PRESETS, argv)
    checkpoint = Checkpoint(folder / "training.safetensors", config)  # a run that was killed goes on from there
    keras.utils.set_random_seed(config.seed)
    data = load_data(config)
    model = build_model(config, data)
    history = train(model, data, config, [checkpoint])
    metrics = evaluate(model, data, config)
    save_run(folder, config, model, history, metrics)
    write_file(folder / "classes.json", as_json(data.names["classes"]))
    show(model, data, config, folder)


if __name__ == "__main__":
    main()
