"""What one recipe computed on one backend, as files that any machine can compare."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_recipes.files import write_file


class Bundle(NamedTuple):
    """The numbers of one (recipe, preset, backend, device, precision).

    Attributes:
        about: Dict with `recipe`, `preset`, `backend`, `device`, `precision`,
            `environment` (versions and machine), `sources` (the digest of the
            code), `bypasses`, `ulp` and `band`.
            `bypasses` lists what drew random numbers of this backend alone,
            each as `[call, place]`. `ulp` maps the name of an array to how far
            this backend moves from itself when its weights move by one unit in
            the last place, `band` the name of a logged value, such as `loss`,
            to the list of how far it moves so at each step.
        arrays: Dict from name, such as `gradient/user/embeddings`, to array.
    """

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def label(self):
        """The column of the bundle: its backend, with the device if that is no CPU."""
        device = self.about["device"]
        return self.about["backend"] + ("" if device == "cpu" else f" ({device})")

    def write(self, folder):
        """Save under `folder`; returns the `Path` of the file."""
        about = self.about
        name = f"{file_stem(about['backend'], about['device'])}-{about['precision']}.npz"
        path = Path(folder, about["recipe"], about["preset"], name)
        content = io.BytesIO()
        np.savez_compressed(content, about=np.array(json.dumps(about)), **{f"_{k}": v for k, v in self.arrays.items()})
        write_file(path, content.getvalue())
        return path


def file_stem(backend, device):
    """Backend and device as the names of their files begin."""
    return f"{backend}-" + "".join(letter if letter.isalnum() else "-" for letter in device)


def read_bundle(path):
    """Load the `Bundle` in a file that `Bundle.write` wrote."""
    with np.load(path) as file:
        arrays = {name[1:]: file[name] for name in file.files if name != "about"}
        return Bundle(json.loads(str(file["about"])), arrays)


def read_bundles(folder):
    """All bundles below a folder, as a list sorted by their place."""
    return [read_bundle(path) for path in sorted(Path(folder).rglob("*.npz"))]
