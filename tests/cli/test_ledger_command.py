"""`makar ledger` and `makar review` as a person uses them."""

from __future__ import annotations

import json
import sqlite3

import pytest

from makar.cli import main
from makar.generate.artifact import Artifact, new_id
from makar.ledger import open_ledger
from makar.provenance.case import Case
from makar.provenance.released import Withheld
from makar.provenance.seal import seal
from makar.provenance.work import stamp_request
from makar.review import screen
from makar.review.decision import Decision
from makar.review.policy import Policy
from makar.verdict import Span, Verdict

POLICY = Policy("of the test", {"repetition": "hold", "personal_data": "mask"})
FOUND = (Verdict("repetition", False, 0.2, "goes in circles", (Span(6, 11, "repeated"),)),
         Verdict("personal_data", False, 0.0, "an address", (Span(0, 5, "address"),)))


@pytest.fixture
def held(monkeypatch) -> str:
    """A work that waits, made without a model; edits of it meet no checks."""
    monkeypatch.setattr(screen, "load_checks", list)
    artifact = Artifact(new_id(), "text", "text/plain", "a@b.c round\x1b[2J and round", {"model": "tiny"},
                        {"name": "parrot", "sha256": "0" * 64, "training_data": "none"}, 3, "stop", 5, 0.5)
    with open_ledger() as ledger:
        request = stamp_request(ledger, "text", artifact.request, POLICY, {})
        decision = Decision("hold", "policy:of the test", "policy says hold", ("repetition: goes in circles (hold)",))
        with pytest.raises(Withheld):
            seal(Case(artifact, FOUND, decision, POLICY, request, ""), ledger)
    return artifact.id


def said(capsys, *words: str, code: int = 0) -> str:
    """What a command prints; it must end with this code."""
    assert main(list(words)) == code
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return out.out if code == 0 else out.out + out.err


def test_an_empty_ledger(capsys):
    assert "no stamps in" in said(capsys, "ledger", "list")
    assert said(capsys, "ledger", "verify").startswith("whole: 0 stamps")
    assert said(capsys, "review", "list") == "nothing waits for review\n"


def test_list(capsys, held):
    lines = said(capsys, "ledger", "list").splitlines()
    assert [line.split()[3] for line in lines] == ["withheld", "decision", "verdicts", "artifact", "request"]
    assert "hold by policy:of the test" in lines[1] and "failed: repetition, personal_data" in lines[2]
    assert len(said(capsys, "ledger", "list", "--limit", "2").splitlines()) == 2
    assert len(said(capsys, "ledger", "list", "--limit", "0", "--since", "3").splitlines()) == 2
    assert len(said(capsys, "ledger", "list", "--kind", "artifact").splitlines()) == 1
    assert "of the kind nothing" in said(capsys, "ledger", "list", "--kind", "nothing")
    assert "--limit" in said(capsys, "ledger", "list", "--limit", "-1", code=2)


def test_show_a_stamp_and_a_work(capsys, held):
    shown = said(capsys, "ledger", "show", held[:20])
    with open_ledger() as ledger:
        assert all(f"{stamp.kind} {stamp.id}\n" in shown for stamp in ledger.work(held))
    assert "a@b.c round\\x1b[2J" in shown and "\x1b" not in shown
    with open_ledger() as ledger:
        stamp = next(ledger.stamps("request"))
    assert stamp.id in said(capsys, "ledger", "show", stamp.id[:12])
    assert "makar ledger list" in said(capsys, "ledger", "show", "zz", code=2)


def test_long_contents_are_cut_unless_asked_for(capsys):
    with open_ledger() as ledger:
        stamp = ledger.append("model", {}, [b"x" * 5000])
        ledger.append("model", {}, [b"\xff\xfe"])
        last = next(ledger.stamps(newest_first=True))
    assert "--full shows all" in said(capsys, "ledger", "show", stamp.id)
    assert "x" * 5000 in said(capsys, "ledger", "show", stamp.id, "--full")
    assert "2 bytes that are not text" in said(capsys, "ledger", "show", last.id)


def test_verify_says_what_was_changed(capsys, held, own_home):
    assert said(capsys, "ledger", "verify").startswith("whole: 5 stamps")
    with sqlite3.connect(own_home / "ledger.db") as db:
        db.execute("DROP TRIGGER stamps_update")
        db.execute("UPDATE stamps SET body = replace(body, 'hold', 'pass')")
    db.close()
    shown = said(capsys, "ledger", "verify", code=2)
    assert shown.startswith("BROKEN") and "stamp 5 was changed" in shown and "'stamps_update' is gone" in shown
    assert "was changed" in said(capsys, "ledger", "list", code=2)


def test_verify_a_file_that_is_no_ledger(capsys, own_home):
    own_home.mkdir(exist_ok=True)
    (own_home / "ledger.db").write_bytes(b"words " * 1000)
    shown = said(capsys, "ledger", "verify", code=2)
    assert shown.count("\n") == 1 and "not a ledger" in shown


def test_export_and_another_ledger(capsys, held, tmp_path, own_home):
    assert "5 stamps" in said(capsys, "ledger", "export", str(tmp_path / "all.jsonl"))
    assert len([line for line in (tmp_path / "all.jsonl").read_text().splitlines() if "stamp" in json.loads(line)]) == 5
    assert said(capsys, "ledger", "--ledger", str(own_home / "ledger.db"), "verify").startswith("whole: 5")
    assert "there is no ledger" in said(capsys, "ledger", "--ledger", str(tmp_path / "no.db"), "verify", code=2)
    assert not (tmp_path / "no.db").exists()
    assert "folder" in said(capsys, "ledger", "export", str(tmp_path), code=2)


def test_review_list_and_show(capsys, held):
    assert held in said(capsys, "review", "list") and "goes in circles" in said(capsys, "review", "list")
    shown = said(capsys, "review", "show", held)
    assert "line 1: repeated: 'round'" in shown and "\x1b" not in shown
    assert "[address removed] round" in shown and f"edit {held} --why" in shown


def test_approve(capsys, held, tmp_path):
    target = tmp_path / "out.txt"
    said(capsys, "review", "approve", held[:24], "--by", "Ada", "--why", "a refrain", "-o", str(target), "--record")
    assert target.read_text() == "[address removed] round\x1b[2J and round"
    record = json.loads((tmp_path / "out.txt.record.json").read_text())
    assert record["decision"]["by"] == "Ada" and record["decision"]["why"] == "a refrain"
    assert said(capsys, "review", "list") == "nothing waits for review\n"
    assert "does not wait" in said(capsys, "review", "approve", held, "--why", "again", code=2)
    assert said(capsys, "ledger", "verify").startswith("whole")


def test_reject_by_the_user_of_the_machine(capsys, held, monkeypatch):
    monkeypatch.setenv("LOGNAME", "grace")
    assert "rejected" in said(capsys, "review", "reject", held, "--why", "dull")
    assert "reject by grace: dull" in said(capsys, "ledger", "list", "--kind", "review")
    assert "reject" in said(capsys, "review", "show", held).splitlines()[0]


def test_edit_from_a_file(capsys, held, tmp_path):
    (tmp_path / "new.txt").write_text("better words")
    assert said(capsys, "review", "edit", held, "--by", "Ada", "--why", "cut", "--file",
                str(tmp_path / "new.txt")) == "better words\n"
    assert "does not wait" in said(capsys, "review", "approve", held, "--why", "late", code=2)


def test_edit_in_an_editor(capsys, held, tmp_path, monkeypatch):
    editor = tmp_path / "an editor"
    editor.write_text("#!/bin/sh\nprintf ' edited' >> \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{editor}'")
    assert said(capsys, "review", "edit", held, "--why", "add").startswith("a@b.c round")
    with open_ledger() as ledger:
        made = list(ledger.stamps("artifact"))[-1]
        assert ledger.content(made.body["content"]).decode().endswith("and round edited")
        assert made.body["parents"] == [held]


@pytest.mark.parametrize(("editor", "words"), [("", "no editor"), ("/no/such/editor", "cannot be started"),
                                               ("false", "ended with 1"), ("true", "changes nothing")])
def test_editors_that_fail(capsys, held, monkeypatch, editor, words):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    assert words in said(capsys, "review", "edit", held, "--why", "x", code=2)
    assert held in said(capsys, "review", "list")


def test_review_needs_a_reason_and_a_known_work(capsys, held, tmp_path):
    assert "--why" in said(capsys, "review", "approve", held, code=2)
    assert "--why" in said(capsys, "review", "approve", held, "--why", "", code=2)
    assert "makar review list" in said(capsys, "review", "show", "ffff", code=2)
    assert "-o FILE" in said(capsys, "review", "approve", held, "--why", "x", "--record", code=2)
    assert "no folder" in said(capsys, "review", "approve", held, "--why", "x", "-o",
                               str(tmp_path / "none" / "out"), code=2)
    assert held in said(capsys, "review", "list")
