"""Generative Teaching Networks: the package that the lab imports and students install."""
