"""Corpus to Checkpoint: the loop is a generator; everything it needs to go on is in the run's folder."""
