"""Runs whose models draw pictures."""
