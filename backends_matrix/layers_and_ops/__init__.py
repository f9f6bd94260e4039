"""Run layers, losses, optimizers, initialisers and ops of Keras on every backend, without any recipe, and compare.

The cases stand in `tables/`; what truly differs, in `known_differences.toml`.
"""
