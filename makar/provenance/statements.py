"""A finding in words. Each sentence says what is known and no more: never who or what made a work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from makar.kit.plugins import load

if TYPE_CHECKING:
    from makar.provenance.credentials.read import Signature
    from makar.provenance.recognise import Finding

NOTHING = "nothing found, which does not mean a person made it"


def statements(finding: Finding) -> tuple[str, ...]:
    """What is known of a file, the most telling first."""
    said = [*_signature(finding.signature), *_entry(finding), *_mark(finding), *_release(finding)]
    found_none = not said or (finding.signature.state == "none" and finding.release is None
                              and not (finding.mark is not None and finding.mark.found))
    lead = ["unsigned: no signature in it or beside it"] if finding.signature.state == "none" else []
    return (*lead, *said, *([NOTHING] if found_none else []), *finding.notes,
            *(f"the ledger is not as it was written: {problem}" for problem in finding.broken[:1]))


def in_short(finding: Finding) -> str:
    """One cell of a table."""
    signature = finding.signature
    if signature.state == "none":
        if finding.release is not None:
            return "unsigned, a release" if finding.release.same else "unsigned, near a release"
        marked = finding.mark is not None and finding.mark.found
        return "unsigned, marked" if marked else "nothing found"
    if signature.state == "changed":
        return "CHANGED since signed"
    if finding.entry is not None and finding.entry.state == "altered":
        return "signed, CONTRADICTS ledger"
    words = "signed, outside its dates" if signature.state == "dated" else "signed"
    return words if signature.trusted else f"{words}, not trusted"


def _signature(signature: Signature) -> Iterator[str]:
    if signature.state == "none":
        return
    if signature.state == "changed":
        parts = "; ".join(signature.wrong)
        yield f"CHANGED since it was signed{_by(signature) if signature.key else ''}: {parts}"
        return
    when = f", time-stamped {signature.at}" if signature.at else ""
    yield f"signed {_by(signature).strip()}{when}; unchanged since ({signature.place}); {_trust(signature)}"
    yield from signature.wrong
    if signature.tool and signature.manifest is None:
        yield f"the signature was written by {signature.tool}, not by Makar"
    if signature.source_type:
        yield f"its signer says of its origin: {signature.source_type}"
    if signature.parents:
        names = ", ".join(f"{title} ({'signed' if signed else 'unsigned'})" for title, signed in signature.parents)
        yield f"its signer says that it was made from: {names}"


def _by(signature: Signature) -> str:
    whose = ", this machine's own" if signature.own else ""
    return f" by key {signature.key} ('{signature.name}'{whose})"


def _trust(signature: Signature) -> str:
    if signature.trusted:
        return f"trusted here through '{signature.issuer}'"
    return f"not trusted here: nobody on this machine vouches for '{signature.issuer}' (makar keys import --trust)"


def _entry(finding: Finding) -> Iterator[str]:
    entry, manifest = finding.entry, finding.signature.manifest
    if entry is None or manifest is None:
        return
    work = manifest.get("work")
    if entry.state == "absent":
        yield f"its manifest names the work {work}, of which this machine's ledger knows nothing"
    elif entry.state == "altered":
        yield (f"its manifest contradicts the ledger on the work {work}: one of the two was forged, or the ledger "
               "was damaged (makar ledger verify)")
    elif entry.stamp is not None:
        yield f"the ledger has it as the work {work}, stamp {entry.stamp.seq} of {entry.stamp.at[:19]}Z, just so"


def _mark(finding: Finding) -> Iterator[str]:
    if finding.mark is None:
        return
    whose = ""
    if finding.carried is not None:
        whose = f", which is that of the release {finding.carried.body['work']} of {finding.carried.at[:19]}Z"
    elif finding.mark.found and finding.mark.payload is not None:
        whose = ", which no release in this machine's ledger has"
    yield f"mark: {finding.mark.says}{whose}"


def _release(finding: Finding) -> Iterator[str]:
    near, manifest = finding.release, finding.signature.manifest
    if near is None or (manifest is not None and manifest.get("work") == near.stamp.body["work"] and near.same):
        return
    name = f"the release {near.stamp.body['work']} of {near.stamp.at[:19]}Z"
    if near.same:
        yield f"its bytes are those of {name}"
        return
    kind = str(near.stamp.body["fingerprint"]["scheme"]).partition("-")[0]
    share = load("makar.provenance.fingerprint", kind, "similarity_frac")(near.num_bits)
    yield (f"fingerprint: near to {name} ({near.num_bits} of 256 bits differ, about {share:.0%} in common); likely a "
           "version of it")
