"""`makar keys`: what this machine signs and marks with."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from makar.kit.errors import BadInput, NotHere

MOST_BYTES = 1_000_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command group."""
    group = commands.add_parser("keys", help="the keys that sign and mark works", description="Keys are made on first "
                                "use and stay on this machine, readable by their owner alone.")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="every key, and the authority to hand to others")
    show.add_argument("--json", action="store_true", help="print JSON")
    show.add_argument("--authority", action="store_true", help="print the authority's certificate (PEM), with which "
                      "others can trust what is signed here")
    show.set_defaults(run=run_show)
    rotate = actions.add_parser("rotate", help="make new keys; what the old ones signed or marked still verifies")
    rotate.add_argument("kind", nargs="?", choices=("signing", "marks"), help="only these (both)")
    rotate.set_defaults(run=run_rotate)
    bring = actions.add_parser("import", help="sign with a certificate of your own, or trust or know another's")
    bring.add_argument("--certificate", type=Path, metavar="PEM", help="a certificate chain, the signer's first")
    bring.add_argument("--key", type=Path, metavar="PEM", help="its private key, not encrypted")
    bring.add_argument("--trust", type=Path, metavar="PEM", help="an authority whose signatures are to be trusted")
    bring.add_argument("--mark", type=Path, metavar="FILE", help="a mark key from keys/marks/ of another machine")
    bring.set_defaults(run=run_import)
    stamps = actions.add_parser("timestamps", help="ask an RFC 3161 service for the time of each signature")
    stamps.add_argument("url", metavar="URL", help="its address; 'none' asks nobody")
    stamps.set_defaults(run=run_timestamps)


def run_show(args: argparse.Namespace) -> int:
    """Lists the keys; their private halves are never shown."""
    from makar.marks import key as marks
    from makar.provenance.credentials import authority, signing_key

    current = signing_key.current_key()
    if args.authority:
        print((signing_key.folder() / "authority.pem").read_text(), end="")
        return 0
    mark_keys = marks.keys() or [marks.current_key()]
    found: dict[str, Any] = {
        "signing": [{"id": fact.id, "name": fact.name, "issuer": fact.issuer, "since": fact.since.isoformat(),
                     "until": fact.until.isoformat(), "state": fact.state} for fact in authority.known_keys()],
        "marks": [{"id": one.id, "made": one.made, "state": "marks" if number == 0 else "rotated"}
                  for number, one in enumerate(mark_keys)],
        "time_stamps": current.time_stamps, "folder": str(signing_key.folder().parent)}
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    for fact in found["signing"]:
        print(f"signing  {fact['id']}  {fact['state']:<8} {fact['since'][:10]} to {fact['until'][:10]}  "
              f"under '{fact['issuer']}'")
    for fact in found["marks"]:
        print(f"marks    {fact['id']}  {fact['state']:<8} {fact['made'][:10]}")
    print(f"time stamps: {found['time_stamps'] or 'none'}\nin {found['folder']}")
    return 0


def run_rotate(args: argparse.Namespace) -> int:
    """Makes new keys."""
    if args.kind in (None, "signing"):
        from makar.provenance.credentials import authority

        print(f"works are signed by key {authority.rotate()} from now on")
    if args.kind in (None, "marks"):
        from makar.marks import key as marks

        print(f"works carry the mark of key {marks.rotate().id} from now on")
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Takes in what was named."""
    from makar.provenance.credentials import authority

    if (args.certificate is None) != (args.key is None):
        raise BadInput("a certificate and its private key go together: --certificate CHAIN.pem --key KEY.pem")
    if args.certificate is None and args.trust is None and args.mark is None:
        raise BadInput("name what to import: --certificate and --key, --trust, or --mark")
    if args.certificate is not None:
        name = authority.use_certificate(_read(args.certificate), _read(args.key))
        print(f"works are signed by key {name} from now on")
    if args.trust is not None:
        authority.trust(_read(args.trust), args.trust.stem)
        print(f"signatures under '{args.trust}' count as trusted here")
    if args.mark is not None:
        print(f"the mark of key {_mark(args.mark)} is recognised here")
    return 0


def run_timestamps(args: argparse.Namespace) -> int:
    """Sets or ends the use of a time-stamp service."""
    from makar.provenance.credentials import authority

    authority.time_stamps(None if args.url == "none" else args.url)
    print("signatures carry no time stamp" if args.url == "none" else f"signatures carry a time stamp of {args.url}")
    return 0


def _mark(path: Path) -> str:
    from makar.marks import key as marks

    try:
        body = json.loads(_read(path))
        return marks.add(bytes.fromhex(body["secret"]), str(body.get("made", ""))).id
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"'{path}' is no mark key; it should be a file ID.json from keys/marks/") from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"'{path}' is too large for a key or a certificate")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotHere(f"there is no file '{path}'") from error
    except OSError as error:
        raise BadInput(f"cannot read '{path}': {error.strerror}") from error
