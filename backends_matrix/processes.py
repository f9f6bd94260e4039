"""Other Python processes: each computes on one backend, under environment variables of its own."""

import subprocess
import sys

from backends_matrix.backends import installed_backends


def run_module(module, arguments, environment, python=sys.executable):
    """Run a module of the matrix in a process; its output is shown only if it fails.

    Args:
        module: String, its name below `backends_matrix`.
        arguments: List of strings, its command line.
        environment: Dict of strings, all environment variables of the process.
        python: String, path of the Python that runs it.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    command = [python, "-m", f"backends_matrix.{module}", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, command)


def python_argument(parser):
    """Add `--python BACKEND=PATH` to an `argparse.ArgumentParser`, for `pythons_of`."""
    parser.add_argument("--python", action="append", metavar="BACKEND=PATH", help="the Python that has a backend")


def pythons_of(parser, given):
    """Dict from backend to the path of its Python: those given on the command line, or this one's.

    Args:
        parser: `argparse.ArgumentParser`, whose `error` says what is wrong.
        given: List of strings `BACKEND=PATH`, or None.
    """
    pairs = [text.partition("=") for text in given or []]
    if any(not (backend and path) for backend, _, path in pairs):
        parser.error(f"`--python` must be BACKEND=PATH, received {given}")
    return {backend: path for backend, _, path in pairs} or dict.fromkeys(installed_backends(), sys.executable)
