"""Other Python processes: each computes on one backend, under environment variables of its own."""

import subprocess
import sys


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
