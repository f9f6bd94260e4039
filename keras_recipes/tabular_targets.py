"""The columns that a table is asked for, as numbers to train on, and back."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np

from keras_recipes.config import bounds_of, require
from keras_recipes.files import as_json
from keras_recipes.tabular import as_numbers, as_texts, kind_of
from keras_recipes.task_heads import TASKS, activate


@dataclass
class TableTargets:
    """What was learned of the columns to predict.

    Attributes:
        names: List of strings, the columns.
        task: String, one of `TASKS`.
        classes: List of strings, in the order of their numbers; the labels for "multi_label"; [] for "regression".
        means: List of floats, one per column of a regression: what is subtracted.
        scales: Likewise, what is divided by then.
        log: Boolean, whether numbers are predicted by their logarithms.
    """

    names: list
    task: str
    classes: list
    means: list
    scales: list
    log: bool = False

    @classmethod
    def fit(cls, columns, names, task="auto", log=False):
        """Learn from the columns of a training part.

        Args:
            columns: Dict from name to array of shape `(n,)`, as `columns_of` returns it.
            names: List of strings, the columns to predict: one; for "regression" one or more; for "multi_label"
                one whose texts hold labels with spaces between, or several of 0 and 1.
            task: String, one of `TASKS`, or "auto": what the columns look like.
            log: Boolean, whether to predict logarithms of numbers, all above 0.

        Returns:
            `TableTargets`.

        Raises:
            ValueError: If the columns do not fit the task, or lack a value.
        """
        require(task in ("auto", *TASKS), "task", f"one of {('auto', *TASKS)}", task)
        for name in names:
            texts = as_texts(columns[name])
            require(task == "multi_label" or (texts != "").all(), "target", f"given in each row of {name!r}", "")
        task = inferred_task([columns[name] for name in names]) if task == "auto" else task
        require(len(names) == 1 or task in ("regression", "multi_label"), "target", f"one column for {task!r}", names)
        require(not log or task == "regression", "log_target", f"false for {task!r}", log)
        found = cls(list(names), task, [], [], [], log)
        if task == "regression":
            numbers = found.numbers(columns)
            found.means, found.scales = numbers.mean(axis=0).tolist(), (numbers.std(axis=0) + 1e-12).tolist()
        elif task == "multi_label":
            if len(names) > 1:
                found.flags(columns)  # refuses others than 0 and 1
                found.classes = list(names)
            else:
                found.classes = sorted({label for text in as_texts(columns[names[0]]) for label in text.split()})
        else:
            found.classes = [str(text) for text in np.unique(as_texts(columns[names[0]]))]
        least = {"multi_class": 2, "binary": 2, "multi_label": 1}.get(task, 0)
        require(len(found.classes) >= least, "target", f"a column of {least} classes or more", found.classes)
        require(task != "binary" or len(found.classes) == 2, "target", "a column of 2 classes", found.classes)
        return found

    def numbers(self, columns):
        """The columns of a regression, float64 of shape `(n, columns)`, or their logarithms."""
        numbers = np.stack([as_numbers(columns[name]) for name in self.names], axis=1)
        require(np.isfinite(numbers).all(), "target", "a finite number in each row", "others")
        require(
            not self.log or (numbers > 0).all(), "target", "above 0 in each row, for logarithms", float(numbers.min())
        )
        return np.log(numbers) if self.log else numbers

    def flags(self, columns):
        """Several columns of labels, each of 0 and 1, float32 of shape `(n, columns)`."""
        flags = np.stack([as_numbers(columns[name]) for name in self.names], axis=1)
        require(np.isin(flags, (0, 1)).all(), "target", f"columns {self.names} of 0 and 1", "others")
        return flags.astype("float32")

    def encode(self, columns):
        """Targets as `task_head` describes them: float32 of shape `(n, outputs)`, or int32 classes of shape `(n,)`.

        Raises:
            ValueError: If a class or a label is none of those that were learned, or a column of labels holds others
                than 0 and 1.
        """
        if self.task == "regression":
            return self.scaled(self.numbers(columns)).astype("float32")
        if self.task == "multi_label":
            if len(self.names) > 1:
                return self.flags(columns)
            texts = as_texts(columns[self.names[0]])
            unknown = sorted({label for text in set(texts.tolist()) for label in text.split()} - set(self.classes))
            require(not unknown, "target", f"of the labels {self.classes}", unknown[:3])
            return np.array([[label in text.split() for label in self.classes] for text in texts], "float32")
        texts = as_texts(columns[self.names[0]])
        unknown = sorted(set(texts.tolist()) - set(self.classes))
        require(not unknown, "target", f"one of the classes {self.classes}", unknown[:3])
        places = np.searchsorted(self.classes, texts)
        return places[:, None].astype("float32") if self.task == "binary" else places.astype("int32")

    def scaled(self, numbers):
        """Numbers, or logarithms, as the network has them: of mean 0 and standard deviation 1."""
        return (numbers - np.array(self.means)) / np.array(self.scales)

    def middle_and_half(self, y_range):
        """Where a range of numbers lies on the scale of `encode`.

        Args:
            y_range: String "lowest,highest".

        Returns:
            Two float64 arrays of shape `(columns,)`: the middle of the range, and half its width.

        Raises:
            ValueError: If it is none, or if there are no numbers to predict.
        """
        bounds = bounds_of(y_range, "y_range")
        require(self.task == "regression", "y_range", "empty where there are classes to predict", y_range)
        require(not self.log or bounds[0] > 0, "y_range", "above 0, where logarithms are predicted", y_range)
        each = np.array(bounds)[:, None] + np.zeros(len(self.names))  # (2, columns)
        lowest, highest = self.scaled(np.log(each) if self.log else each)
        return (lowest + highest) / 2, (highest - lowest) / 2

    def decode(self, outputs):
        """Predictions, float64, from outputs of a network, or from anything on the scale of `encode`.

        Returns:
            Numbers of shape `(n, columns)`; or probabilities of shape `(n, labels)`, for "binary" of the second class.
        """
        if self.task == "regression":
            numbers = np.asarray(outputs, "float64") * np.array(self.scales) + np.array(self.means)
            return np.exp(numbers) if self.log else numbers
        return activate("softmax" if self.task == "multi_class" else "sigmoid", outputs)

    def num_outputs(self):
        """Integer, how many numbers, labels or classes there are; 1 for "binary"."""
        return {"regression": len(self.names), "binary": 1}.get(self.task, len(self.classes))

    def to_json(self):
        """All of it as text."""
        return as_json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text):
        """Undo `to_json`."""
        return cls(**json.loads(text))


def inferred_task(columns):
    """The task that columns to predict look like."""
    if len(columns) > 1:
        flags = all(column.dtype.kind == "f" and np.isin(column, (0, 1)).all() for column in columns)
        return "multi_label" if flags else "regression"
    if kind_of(columns[0], few=8) == "number":
        return "regression"
    return "binary" if len(np.unique(columns[0])) == 2 else "multi_class"
