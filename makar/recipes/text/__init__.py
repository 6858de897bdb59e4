"""Runs whose models write prose."""
