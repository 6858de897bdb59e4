"""Runs whose models write code."""
