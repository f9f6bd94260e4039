"""What other libraries find on the data of a recipe, and how fast: a file for each recipe that has peers.

Such a file defines `PEERS`, a dict from the name of a distribution to a function `run(recipe, config, data, threads)`
that trains and returns how many seconds training took and a dict of the recipe's metrics; and
`work(config, data)`, which returns how much a training looks at, and what that is called.
"""

import importlib
from pathlib import Path


def recipes_with_peers():
    """Names of the recipes that have peers, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def peers_of(recipe):
    """The module that holds the peers of a recipe."""
    return importlib.import_module(f"backends_matrix.peers.{recipe}")
