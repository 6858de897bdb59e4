"""Runs that change a model of the store instead of beginning from nothing."""
