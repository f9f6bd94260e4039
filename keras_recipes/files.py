"""Files that are whole or absent."""

import json
import math
import os


def write_file(path, content):
    """Write text or bytes so that `path` never holds a part of it, also after a kill.

    Args:
        path: `Path` of the file; what it held before is replaced at the end.
        content: String, or bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    temporary.replace(path)


def as_json(value):
    """Indented JSON text of `value`: floats to the last bit; those that JSON lacks as "nan", "inf" and "-inf"."""
    return json.dumps(without_infinities(value), indent=2, allow_nan=False) + "\n"


def without_infinities(value):
    """The same nested dicts, lists and numbers, with strings for floats that are not finite."""
    if isinstance(value, dict):
        return {key: without_infinities(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_infinities(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
