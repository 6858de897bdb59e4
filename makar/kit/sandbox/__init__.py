"""Runs a program nobody has read yet: walled in as far as the kernel can, and honest about how far that is."""

from __future__ import annotations

from makar.kit.sandbox.limits import Limits, Result
from makar.kit.sandbox.runner import Containment, containment, run

__all__ = ["Containment", "Limits", "Result", "containment", "run"]
