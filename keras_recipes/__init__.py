"""Tested building blocks which the recipes share."""

__version__ = "0.1.0"
