"""Files that are whole or absent."""

import json
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
    """Indented JSON text of `value`, floats to the last bit."""
    return json.dumps(value, indent=2) + "\n"
