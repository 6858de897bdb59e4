"""`makar doctor`: which arithmetic runs here and why, how fast, and what is missing."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from makar.verbs.doctor import Diagnosis


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser("doctor", help="which arithmetic runs here and why, how fast, what is missing")
    parser.add_argument("--json", action="store_true", help="the same as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Looks and prints."""
    from makar.verbs.doctor import diagnose

    found = diagnose()
    if args.json:
        print(json.dumps(dataclasses.asdict(found), indent=2))
    else:
        print("\n".join(lines(found)))
    return 0


def lines(found: Diagnosis) -> Iterator[str]:
    """One screen."""
    processor, kernel, memory = found.processor, found.kernel, found.memory
    yield f"processor  {processor['name']}, {processor['cores']} cores ({' '.join(processor['features']) or 'generic'})"
    yield f"kernel     {kernel['path']} on {kernel['threads']} threads: {kernel['why']}"
    yield (f"memory     {memory['free_bytes'] / 1e9:.1f} of {memory['total_bytes'] / 1e9:.1f} GB free, read at "
           f"{memory['read_bytes_s'] / 1e9:.1f} GB/s")
    yield (f"home       {found.home['folder']}, {found.home['free_bytes'] / 1e9:.1f} GB free"
           + ("" if found.home["writable"] else ", NOT writable"))
    yield f"sandbox    holds {', '.join(found.sandbox['held']) or 'nothing'}"
    if found.sandbox["not held"]:
        yield f"           does NOT hold {', '.join(found.sandbox['not held'])}"
    for extra, state in found.extras.items():
        yield f"extra      {extra}: {state}"
    for model in found.models:
        if not model.step_bytes:
            yield f"model      {model.name}: {model.why}"
            continue
        yield (f"model      {model.name}: {model.arithmetic}, reads {model.step_bytes / 1e6:,.0f} MB a token, about "
               f"{model.expected_tok_s:,.1f} tokens/s (memory allows {model.most_tok_s:,.1f}), "
               f"{model.cache_bytes_per_1000_tok / 1e6:,.1f} MB per 1,000 tokens of context")
        yield f"           {model.why}"
    if not found.models:
        yield "model      none is here yet; run: makar models pull"
