"""The page: one HTML file that needs nothing else, for a phone and for a desk, by day and by night."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from makar.apps.demo.exhibit import Chain, Exhibit
from makar.apps.demo.highlight import highlighted

NUMBER_WORDS = {1: "One work", 2: "Two works", 3: "Three works", 4: "Four works", 5: "Five works", 6: "Six works"}


def page(exhibits: Sequence[Exhibit], chain: Chain, facts: Mapping[str, str]) -> str:
    """The whole page. `facts` are the lines at the top, by name; the longest, `Trained on`, has a place of its own."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(prose=prose, source=source, pretty=pretty, seconds=seconds, words=words,
                               drawn=Markup)
    package = files("makar.apps.demo")
    return environment.from_string(package.joinpath("page.html.jinja").read_text("utf-8")).render(
        exhibits=exhibits, chain=chain, trained_on=facts["Trained on"],
        facts={name: value for name, value in facts.items() if name != "Trained on"},
        style=Markup(package.joinpath("page.css").read_text("utf-8")),
        title=NUMBER_WORDS.get(len(exhibits), f"{len(exhibits)} works"),
        num_released=sum(exhibit.released for exhibit in exhibits),
    )


def prose(text: str) -> Markup:
    """Paragraphs and headings of plain or lightly marked text; everything in it is escaped."""
    blocks = []
    for block in re.split(r"\n\s*\n|\n(?=#)|(?<=\n)(?=[ \t]*(?:[-*]|\d+\.) )", text.strip()):
        lines = block.strip()
        heading = re.match(r"#{1,6}\s+(.*)", lines)
        title = re.fullmatch(r"(?:title:\s*)?\*\*([^*\n]{1,90})\*\*", lines, re.IGNORECASE)
        if heading is not None:
            first, _, rest = lines.partition("\n")
            blocks.append(f"<h3>{_inline(first.lstrip('# '))}</h3>{f'<p>{_inline(rest)}</p>' if rest.strip() else ''}")
        elif title is not None:
            blocks.append(f"<h3>{_inline(title.group(1))}</h3>")
        elif lines:
            blocks.append(f"<p>{_inline(lines)}</p>")
    return Markup("\n".join(blocks))


def _inline(text: str) -> str:
    safe = html.escape(text.strip()).replace("\n", "<br>")
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)


def source(text: str, kind: str) -> Markup:
    """Highlighted source code; JSON is laid out over lines for reading."""
    if kind == "json":
        with suppress(json.JSONDecodeError):  # a withheld answer need not be JSON; it is shown as it is
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return Markup(highlighted(text.strip("\n"), kind))


def pretty(value: Any) -> Markup:
    """A record as highlighted JSON."""
    return source(json.dumps(value, ensure_ascii=False), "json")


def seconds(value: float) -> str:
    """A duration for people."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {value % 60:.0f} s"


def words(name: str) -> str:
    """`personal_data` as `personal data`."""
    return name.replace("_", " ")
