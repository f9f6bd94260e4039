"""Public data sets: downloaded once, checked, kept in a folder of the user's choice."""

import os
from pathlib import Path

import pooch


def data_folder():
    """The folder of data sets: `KERAS_RECIPES_DATA`, or this user's cache, as a `Path`."""
    return Path(os.environ.get("KERAS_RECIPES_DATA") or pooch.os_cache("keras-recipes")).expanduser()


def fetch(name, url, sha256):
    """A file of the data folder, downloaded if it is not there yet.

    The download goes to a temporary file and gets its name once its sum is
    right, so that a file under its final name is whole, also after a kill.
    What the user placed there under that name is used as it is.

    Args:
        name: String, path of the file below the data folder.
        url: String, the address of its original.
        sha256: String of 64 hexadecimal digits, the sum of the original.

    Returns:
        `Path` of the file.

    Raises:
        ValueError: If the sum of the download is another one; it names both,
            and the download is removed.
        OSError: If `url` can't be reached.
    """
    path = data_folder() / name
    if not path.exists():
        pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=path.name, path=path.parent)
    return path
