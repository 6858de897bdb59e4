"""Source code as HTML, with the words that Python and JSON know marked."""

from __future__ import annotations

import html
import io
import keyword
import re
import tokenize

JSON_PARTS = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<str>"(?:[^"\\]|\\.)*")|(?P<num>-?\d[\d.eE+-]*)'
                        r"|(?P<kw>true|false|null)")


def highlighted(source: str, kind: str) -> str:
    """Escaped HTML of `source`; text that is neither Python nor JSON is only escaped."""
    if kind == "python":
        return _python(source)
    if kind == "json":
        return _json(source)
    return html.escape(source)


def _marked(kind: str, text: str) -> str:
    return f'<span class="{kind}">{html.escape(text)}</span>' if kind else html.escape(text)


def _json(source: str) -> str:
    parts, at = [], 0
    for found in JSON_PARTS.finditer(source):
        parts += [html.escape(source[at:found.start()]), _marked(found.lastgroup or "", found.group())]
        at = found.end()
    return "".join([*parts, html.escape(source[at:])])


def _python(source: str) -> str:
    """Text that Python cannot split into tokens stays unmarked from there on."""
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    parts, at = [], 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            kind = _kind(token)
            if kind and begin >= at:
                parts += [html.escape(source[at:begin]), _marked(kind, source[begin:end])]
                at = end
    except (tokenize.TokenError, SyntaxError, IndexError):
        pass  # shown as it is: the page must be able to show code that does not parse
    return "".join([*parts, html.escape(source[at:])])


def _kind(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return "kw" if keyword.iskeyword(token.string) else ""
    return {tokenize.STRING: "str", tokenize.COMMENT: "com", tokenize.NUMBER: "num"}.get(token.type, "")
