"""Measures of models, one file each; a result carries its interval, its settings and the hashes of model and data."""

MEASURES = ("perplexity", "hellaswag", "humaneval", "marks", "image")
"""The files here that export a `MEASURE`."""
