"""A policy over verdicts becomes a decision, and text is screened by it while it streams."""

from makar.review.decision import Decision, decide, mask
from makar.review.policy import Policy, load_policy
from makar.review.screen import Screen

__all__ = ["Decision", "Policy", "Screen", "decide", "load_policy", "mask"]
