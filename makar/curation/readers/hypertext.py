"""HTML: what a reader would see of it, block by block, without scripts, styles and navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from makar.curation.record import UNKNOWN, Record
from makar.curation.source import Drop, ReadConfig, SourceFile, begun, read_file
from makar.curation.spdx import named

_HIDDEN = frozenset(("script", "style", "noscript", "template", "head", "nav", "svg", "iframe", "object", "select",
                     "button", "form", "footer", "aside"))
_BLOCKS = frozenset(("p", "div", "br", "li", "ul", "ol", "tr", "table", "section", "article", "main", "header", "h1",
                     "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "dt", "dd", "hr", "figcaption", "caption",
                     "title"))
_SPACE = re.compile(r"[ \t\r\f\v\n]+")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.licence = UNKNOWN
        self._line: list[str] = []
        self._hidden: list[str] = []
        self._kept_space = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named_attrs = dict(attrs)
        if "license" in (named_attrs.get("rel") or "").lower().split() and self.licence == UNKNOWN:
            self.licence = named(named_attrs.get("href") or "")
        if tag in _HIDDEN:
            self._hidden.append(tag)
        if tag in _BLOCKS:
            self._end_block()
        self._kept_space += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        if tag in _BLOCKS:
            self._end_block()
        if tag == "pre" and self._kept_space:
            self._kept_space -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._line.append(data if self._kept_space else _SPACE.sub(" ", data))

    def finished(self) -> str:
        self.close()
        self._end_block()
        return "\n".join(self.blocks)

    def _end_block(self) -> None:
        text = "".join(self._line)
        text = text.strip("\n") if self._kept_space else " ".join(text.split(" ")).strip()
        if text.strip():
            self.blocks.append(text)
        self._line = []


def read(file: SourceFile, config: ReadConfig, drop: Drop) -> Iterator[Record]:
    """The page as one record; its licence is that of its `rel=license` link."""
    markup = read_file(file, config, drop)
    if markup is None:
        return
    page = _Page()
    page.feed(markup)
    yield begun(file, page.finished(), licence=page.licence, step="html")
