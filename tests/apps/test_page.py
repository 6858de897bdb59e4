"""The page: whole, self-contained, safe against what a model writes, and never showing what was withheld."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makar.apps.demo.exhibit import Chain, Exhibit, Request, masked
from makar.apps.demo.highlight import highlighted
from makar.apps.demo.page import page, prose, seconds

NASTY = '<script>alert(1)</script> & "quotes" </pre>'
EMPTY = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}


class Reader(HTMLParser):
    """Reads a page as a strict reader would: what is shown, which tags, whether each is closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shown, self.tags, self.links = "", list[str](), list[str]()
        self._open = list[str]()
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.shown += data


def exhibit(**changes: Any) -> Exhibit:
    kind = changes.pop("kind", "prose")
    request = Request("A title", "A reason", changes.pop("prompt", "A prompt"), kind, "The tests", NASTY)
    given = {"outcome": "released", "content": NASTY, "record": {"work": "w" * 32, "num_tok": 3, "seed": 7},
             "seconds": 1.25, "verdicts": ({"check": "personal_data", "passed": True, "reason": NASTY},), **changes}
    return Exhibit(request, **given)


def whole(*exhibits: Exhibit, ok: bool = True) -> str:
    stamps = ({"seq": "1", "kind": "request", "id": "f" * 64},)
    chain = Chain(ok, 12, () if ok else ("stamp 3 was changed",), 0.02, stamps)
    return page(exhibits, chain, {"Model": NASTY, "Trained on": NASTY})


@pytest.mark.parametrize("kind", ["prose", "python", "json"])
def test_what_a_model_writes_is_shown_and_never_run(kind: str) -> None:
    reader = Reader(whole(exhibit(kind=kind, prompt=NASTY)))
    assert "script" not in reader.tags
    assert reader.shown.count("<script>alert(1)</script>") == 6
    assert "personal data" in reader.shown


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = whole(exhibit(), exhibit(kind="python"))
    reader = Reader(text)
    assert reader.links == []
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert 'name="viewport"' in text
    assert "prefers-color-scheme: dark" in text


def test_a_withheld_work_says_so_and_why() -> None:
    reader = Reader(whole(exhibit(), exhibit(outcome="withheld", reasons=("2 of 4 tests failed",))))
    assert "1 of 2 did" in reader.shown
    assert "Withheld" in reader.shown
    assert "2 of 4 tests failed" in reader.shown
    assert "Two works" in reader.shown


def test_a_broken_ledger_is_not_glossed_over() -> None:
    shown = Reader(whole(exhibit(), ok=False)).shown
    assert "stamp 3 was changed" in shown
    assert "it is broken" in shown
    assert "verified" not in shown


def test_a_secret_is_masked_wherever_it_stands() -> None:
    secret = "ghp_" + "a1" * 18
    shown = masked(exhibit(prompt=f"say {secret}", content=secret, outcome="withheld", reasons=(f"found {secret}",),
                           record={"request": {"messages": [{"content": f"x {secret}"}]}, "num_tok": 1, "seed": 1,
                                   "work": "w"}), secret)
    assert secret not in whole(shown)
    assert whole(shown).count("ghp_••••••••") == 4
    assert shown.seconds == 1.25


def test_lightly_marked_text_becomes_headings_and_paragraphs() -> None:
    text = prose("**Title: The Bee**\n\nFirst & last.\n\n## Part\nMore **bold**.\n- one\n- two")
    assert text.split("\n") == ["<h3>Title: The Bee</h3>", "<p>First &amp; last.</p>",
                                "<h3>Part</h3><p>More <strong>bold</strong>.</p>", "<p>- one</p>", "<p>- two</p>"]


@given(text=st.text(alphabet=st.sampled_from("ab(): \n\r\x0c\u2028\t'\"#\\<>&1é\U0001f600=def"), max_size=60),
       kind=st.sampled_from(["python", "json", "text"]))
def test_highlighting_changes_no_character(text: str, kind: str) -> None:
    assert Reader(f"<pre>{highlighted(text, kind)}</pre>").shown == text


def test_highlighting_marks_what_python_knows() -> None:
    marked = highlighted('def f():\n    return "é" + 1  # why\n', "python")
    for kind, word in (("kw", "def"), ("kw", "return"), ("str", "&quot;é&quot;"), ("num", "1"), ("com", "# why")):
        assert f'<span class="{kind}">{word}</span>' in marked


@pytest.mark.parametrize(("value", "shown"), [
    (0.0123, "12 ms"), (1.25, "1.2 s"), (61, "1 min 1 s"), (600, "10 min 0 s"),
])
def test_durations_are_for_people(value: float, shown: str) -> None:
    assert seconds(value) == shown
