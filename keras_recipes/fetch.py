"""Public data sets: downloaded once, checked, kept in a folder of the user's choice."""

import os
import shutil
import tarfile
import zlib
from pathlib import Path

import pooch

from keras_recipes.config import require


def data_folder():
    """The folder of data sets: `KERAS_RECIPES_DATA`, or this user's cache, as a `Path`."""
    return Path(os.environ.get("KERAS_RECIPES_DATA") or pooch.os_cache("keras-recipes")).expanduser()


def fetch(name, url, checksum):
    """A file of the data folder, downloaded if it is not there yet.

    The download goes to a temporary file and gets its name once its sum is
    right, so that a file under its final name is whole, also after a kill.
    What the user placed there under that name is used as it is.

    Args:
        name: String, path of the file below the data folder.
        url: String, the address of its original.
        checksum: String, the sum of the original: "sha256:" or, for what is published with no other, "md5:", and
            hexadecimal digits; these alone are a SHA-256.

    Returns:
        `Path` of the file.

    Raises:
        ValueError: If the sum of the download is another one; it names both,
            and the download is removed.
        OSError: If `url` can't be reached.
    """
    path = data_folder() / name
    if not path.exists():
        pooch.retrieve(url, known_hash=checksum, fname=path.name, path=path.parent)
    return path


def fetch_folder(name, url, checksum):
    """A folder of the data folder, from a tar archive that is downloaded if neither of both is there yet.

    The folder gets its name when it is whole.

    Args:
        name: String, path of the folder below the data folder; the archive lies beside it as `<name>.tgz`,
            and holds one folder.
        url: String, the address of the archive.
        checksum: String, its sum, as for `fetch`.

    Returns:
        `Path` of the folder.

    Raises:
        ValueError: As `fetch` does, or if the archive can't be read.
        OSError: If `url` can't be reached.
    """
    folder = data_folder() / name
    if not folder.exists():
        archive = fetch(f"{name}.tgz", url, checksum)
        parts = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        try:
            with tarfile.open(archive) as opened:
                opened.extractall(parts, filter="data")
            (inside,) = [child for child in parts.iterdir() if child.is_dir() and not child.name.startswith(".")]
            inside.replace(folder)
        except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
            require(False, name, "an archive of one folder", f"{archive}: {error}")
        finally:
            shutil.rmtree(parts, ignore_errors=True)
    return folder
