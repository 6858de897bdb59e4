"""Imperceptible marks, one file per kind of media: embedded with a secret key, detected with the same key alone."""

from makar.marks.kinds import Mark, mark_of

__all__ = ["Mark", "mark_of"]
