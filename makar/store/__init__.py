"""Weights by sha256: pulled from their mirrors, verified, converted once, and found again by name."""

from __future__ import annotations

from makar.store.adding import Stated, add
from makar.store.catalogue import CATALOGUE, Weights
from makar.store.shelf import Entry, default_model, listing, pull, stored
from makar.store.stored_model import StoredModel
from makar.store.upkeep import Report, remove, verify

__all__ = ["CATALOGUE", "Entry", "Report", "Stated", "StoredModel", "Weights", "add", "default_model", "listing",
           "pull", "remove", "stored", "verify"]
