"""Measures of models, one file each; a result carries its interval, its settings and the hashes of model and data."""

MEASURES = ("perplexity", "hellaswag", "humaneval", "marks")
"""The files here that export a `MEASURE`."""
