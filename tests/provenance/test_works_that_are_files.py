"""A work that is no text is judged whole, leaves whole or not at all; signed, reviewed and replayed like a text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from parrot_stage import Sampling

import makar
from makar import checks
from makar.kit.errors import BadInput, Interrupted
from makar.ledger import Ledger, open_ledger
from makar.provenance import replay as replaying
from makar.provenance import review_queue
from makar.provenance.recognise import open_book, recognise
from makar.provenance.released import Released, Withheld
from makar.provenance.work import Work
from makar.review.policy import Policy
from makar.room import Piece, Room
from makar.verdict import Check, Span, Subject, Verdict

POLICY = Policy("of the test", {"red": "refuse", "green": "hold", "places": "mask"})


@dataclass(frozen=True)
class Canvas:
    """A request for one picture per colour."""

    colours: tuple[str, ...]
    model: str = "tiny"
    sampling: Sampling = field(default_factory=Sampling)
    interrupted_after: int = 99

    @property
    def n(self) -> int:
        """One candidate per colour."""
        return len(self.colours)


class Painter:
    """The model of the room."""

    name, sha256, training_data = "painter", "0" * 64, "none: it paints what it is told"


def png(colour: str) -> bytes:
    """A picture of that colour, with enough on it for a fingerprint."""
    from PIL import Image

    picture = Image.radial_gradient("L").resize((32, 32)).convert("RGB")
    picture.paste(colour, (4, 4, 20, 12))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def paint(model: Painter, request: Canvas) -> Iterator[Piece]:
    """The pictures, in order."""
    for index, colour in enumerate(request.colours):
        if index == request.interrupted_after:
            raise KeyboardInterrupt
        yield Piece("", 0, index, "stop", data=png(colour))


ROOM = Room("painting", Canvas, build=lambda stored: Painter(), sample=paint, media_type=lambda request: "image/png",
            marked=lambda request, index: {"not_marked": f"picture {index} of a test"})


def colour_check(name: str, *, spans: tuple[Span, ...] = ()) -> Check:
    """A check that fails on pictures of the colour that it is named after."""
    def run(subject: Subject) -> Verdict:
        failed = subject.data == png(name if not spans else "blue")
        return Verdict(name, not failed, float(not failed), f"it is {name}", spans if failed else ())
    return Check(name, run, media_types=("image/",))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """A ledger that verifies after every test; the checks are those of these tests."""
    monkeypatch.setenv("MAKAR_HOME", str(tmp_path))
    monkeypatch.setattr(checks, "load_checks", lambda: [colour_check("red"), colour_check("green")])
    with open_ledger(tmp_path / "ledger.db") as book:
        yield book
        assert book.verify().ok


def work(ledger: Ledger, *colours: str, interrupted_after: int = 99) -> Work:
    """A work of these pictures."""
    return Work(ROOM, Canvas(colours, interrupted_after=interrupted_after), policy=POLICY, ledger=ledger)


def test_a_picture_is_judged_whole_and_released_as_its_bytes(ledger):
    released = work(ledger, "blue").release()
    assert isinstance(released, Released)
    assert released.content == released.data == png("blue")
    assert [stamp.kind for stamp in ledger.stamps()] == ["request", "artifact", "verdicts", "decision", "release"]
    record = released.record
    assert record["content"]["num_bytes"] == len(png("blue")) and not record["masked"]
    assert record["mark"] == {"not_marked": "picture 0 of a test"}
    assert [verdict["check"] for verdict in record["verdicts"]] == ["red", "green"]
    assert ledger.content(record["content"]["sha256"]) == png("blue")
    assert "image/png" in str(released) and "bytes" in repr(released)
    with pytest.raises(AssertionError):
        _ = released.text


def test_of_several_those_that_pass_leave(ledger):
    several = work(ledger, "blue", "red", "green", "black")
    assert [one.content for one in several.release()] == [png("blue"), png("black")]
    actions = [outcome.action for outcome in several.outcomes if isinstance(outcome, Withheld)]
    assert actions == ["refuse", "hold"]


def test_a_saved_picture_is_signed_and_recognised(ledger, tmp_path):
    work(ledger, "blue").release().save(tmp_path / "blue.png")
    found = recognise(tmp_path / "blue.png", open_book(ledger))
    assert found.ok and found.signature.state == "valid" and found.entry.state == "stamped"
    from PIL import Image
    with Image.open(tmp_path / "blue.png") as saved, Image.open(io.BytesIO(png("blue"))) as made:
        assert saved.tobytes() == made.tobytes()


def test_a_held_picture_waits_and_is_approved_as_it_is(ledger, tmp_path):
    with pytest.raises(Withheld) as stop:
        work(ledger, "green").release()
    assert [kept.id for kept in review_queue.pending(ledger)] == [stop.value.id]
    with pytest.raises(BadInput, match="not a text that words can replace"):
        review_queue.edit(ledger, stop.value.id, "a greener one", "somebody", "to see")
    released = review_queue.approve(ledger, stop.value.id, "somebody", "it is a fine green")
    assert released.content == png("green") and released.record["decision"]["action"] == "release"


def test_the_reviewer_looks_at_a_file(ledger, tmp_path, capsys):
    from makar.cli import main

    with pytest.raises(Withheld) as stop:
        work(ledger, "green").release()
    assert main(["review", "list"]) == 0
    assert "(image/png, " in capsys.readouterr().out
    assert main(["review", "show", stop.value.id, "-o", str(tmp_path / "look.png")]) == 0
    assert (tmp_path / "look.png").read_bytes() == png("green")
    assert "bytes that are no text" in capsys.readouterr().out
    assert main(["review", "approve", stop.value.id, "--why", "fine", "--by", "me"]) == 2
    assert "say where it may be written" in capsys.readouterr().err
    assert main(["review", "approve", stop.value.id, "--why", "fine", "--by", "me", "-o", str(tmp_path / "a.png")]) == 0
    assert makar.verify(tmp_path / "a.png").ok


def test_spans_of_what_is_no_text_fail_the_check_and_a_person_decides(ledger, monkeypatch):
    monkeypatch.setattr(checks, "load_checks", lambda: [colour_check("places", spans=(Span(0, 1, "place"),))])
    with pytest.raises(Withheld) as stop:
        work(ledger, "blue").release()
    assert stop.value.action == "hold" and "returned spans of what is no text" in str(stop.value)


def test_pictures_made_before_an_interruption_are_kept(ledger):
    broken = work(ledger, "blue", "black", interrupted_after=1)
    with pytest.raises(Interrupted):
        broken.release()
    partial = list(ledger.stamps("partial"))
    assert [ledger.content(stamp.body["content"]) for stamp in partial] == [png("blue"), b""]


def test_a_picture_is_made_again_from_the_ledger(ledger, monkeypatch):
    several = work(ledger, "blue", "black").release()
    monkeypatch.setattr(replaying, "room_named", lambda name: ROOM)
    for index, colour in enumerate(("blue", "black")):
        again = replaying.replay(ledger, several[index].id)
        assert again.same and again.content == png(colour)
    monkeypatch.setattr(replaying, "room_named", lambda name: replace(ROOM, sample=_paint_white))
    assert not replaying.replay(ledger, several[0].id).same


def _paint_white(model: Painter, request: Canvas) -> Iterator[Piece]:
    yield from paint(model, replace(request, colours=("white",) * request.n))
