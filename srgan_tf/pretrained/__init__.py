"""Weights that ship with the package, each with a model card: NAME.keras and NAME.md."""
