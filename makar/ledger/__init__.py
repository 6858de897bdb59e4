"""The append-only, hash-chained book of stamps: every request, artifact, verdict, decision and release."""

from makar.ledger.chain import Ledger, open_ledger
from makar.ledger.stamp import Report, Stamp

__all__ = ["Ledger", "Report", "Stamp", "open_ledger"]
