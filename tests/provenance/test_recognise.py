"""What is said of files: of works as they left, changed, stripped, near; of bad input; of a ledger that was forged."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from parrot_stage import POLICY, PROSE, Stage

from makar.kit.errors import BadInput
from makar.provenance import manifest as manifests
from makar.provenance.credentials import authority, signing_key
from makar.provenance.credentials.sign import sign
from makar.provenance.recognise import Finding, open_book, recognise
from makar.provenance.released import Released
from makar.provenance.statements import NOTHING
from makar.provenance.work import Work


@pytest.fixture
def work(stage: Stage, tmp_path: Path) -> Iterator[tuple[Released, Path]]:
    """A released work, and the file it was saved in."""
    released = stage.work(PROSE).release()
    assert isinstance(released, Released)
    yield released, released.save(tmp_path / "work.txt")


def look(stage: Stage, path: Path) -> Finding:
    """What is said of a file."""
    return recognise(path, open_book(stage.ledger))


def test_as_it_left(stage, work) -> None:
    released, path = work
    found = look(stage, path)
    assert found.ok
    assert found.says[0].startswith(f"signed by key {signing_key.current_key().id} ")
    assert f"the ledger has it as the work {released.id}, stamp 5 of " in " ".join(found.says)
    assert NOTHING not in found.says
    assert found.release is not None and found.release.same


def test_the_signed_manifest_tells_the_request_as_its_hash(stage, work) -> None:
    released, path = work
    signed = look(stage, path).signature.manifest
    assert signed is not None
    assert signed["request"] == {"sha256": next(stage.ledger.stamps("request")).body["content"]}
    assert {key: value for key, value in signed.items() if key != "request"} == {
        key: value for key, value in released.record.items() if key != "request"}
    assert PROSE not in json.dumps(signed)
    told = manifests.disclosed({**released.record, "decision": {"policy": {"signed_request": "full"}}})
    assert told["request"] == released.record["request"]


def test_the_manifest_has_all(stage, work) -> None:
    record = work[0].record
    assert record["form"] == 2
    assert record["ledger"] == {"seq": 5, "prev": next(stage.ledger.stamps("decision")).id}
    assert record["configuration"] == {"sampling": {"seed": 7}, "exact": False}
    assert next(stage.ledger.stamps("release")).seq == 5


def test_changed(stage, work) -> None:
    _, path = work
    path.write_text(path.read_text().replace("number 3", "number 4"))
    found = look(stage, path)
    assert not found.ok
    assert found.says[0].startswith("CHANGED since it was signed by key")
    assert found.says[0].endswith(": the content")
    assert "fingerprint: near to the release" in " ".join(found.says)


def test_stripped_and_edited_it_is_found_again(stage, work, tmp_path) -> None:
    released, path = work
    bare = tmp_path / "bare.txt"
    shutil.copy(path, bare)
    found = look(stage, bare)
    assert found.says[0] == "unsigned: no signature in it or beside it"
    assert f"its bytes are those of the release {released.id}" in " ".join(found.says)
    bare.write_text("I wrote this. " + path.read_text().replace("long enough", "quite long"))
    found = look(stage, bare)
    assert found.release is not None and not found.release.same and found.release.stamp.body["work"] == released.id
    assert "likely a version of it" in " ".join(found.says)


def test_nothing_is_said_of_what_is_not_known(stage, work, tmp_path) -> None:
    (tmp_path / "other.txt").write_text("Words of somebody else, of whom nothing is known here, about the sea. " * 9)
    found = look(stage, tmp_path / "other.txt")
    assert NOTHING in found.says
    assert found.release is None
    assert not found.ok


@pytest.mark.parametrize(("name", "data", "words"), [
    ("empty.png", b"", "the file is empty"),
    ("noise.bin", bytes(range(256)) * 9, NOTHING),
    ("picture.jpg", b"\x89PNG\r\n\x1a\n" + bytes(40), "the name promises image/jpeg, the bytes are image/png"),
    ("text.png", b"These are only words.", "the name promises image/png, the bytes are text/plain"),
    ("odd.txt", b"half a charact\xc3", NOTHING),
    ("broken.svg", b"<svg", NOTHING),
])
def test_bad_input_gets_one_clear_statement(stage, tmp_path, name, data, words) -> None:
    (tmp_path / name).write_bytes(data)
    found = look(stage, tmp_path / name)
    assert words in found.says
    assert NOTHING in found.says
    json.dumps(found.record)


def test_a_folder_or_nothing_cannot_be_read(stage, tmp_path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BadInput, match="cannot read"):
            look(stage, path)


def test_a_large_file_is_signed_and_read_but_not_looked_through(stage, work, tmp_path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(1 << 27)
    found = look(stage, large)
    assert found.says[0].startswith("unsigned")
    assert "too large to be looked through" in " ".join(found.says)


def test_a_manifest_of_an_unknown_form(stage, work, tmp_path) -> None:
    released, _ = work
    signed = sign(b"x", "text/plain", {**released.record, "form": 9})
    (tmp_path / "new.txt").write_bytes(b"x")
    (tmp_path / "new.txt.c2pa").write_bytes(signed.sidecar or b"")
    found = look(stage, tmp_path / "new.txt")
    assert found.signature.state == "valid"
    assert found.entry is None
    assert "the form 9, which this version of Makar does not know; it knows 1, 2" in " ".join(found.says)


def test_rotated_and_lost_keys(stage, work) -> None:
    _, path = work
    old = signing_key.current_key().id
    new = authority.rotate()
    assert new != old
    found = look(stage, path)
    assert found.ok and found.signature.own and found.signature.key == old
    shutil.rmtree(signing_key.folder())
    found = look(stage, path)
    assert (found.signature.state, found.signature.trusted) == ("valid", False)
    assert "not trusted here" in found.says[0]
    assert found.entry is not None and found.entry.state == "stamped"


def test_a_forged_manifest_contradicts_the_ledger(stage, work, tmp_path) -> None:
    released, _ = work
    forged = {**manifests.disclosed(released.record), "seed": 8}
    signed = sign(b"other words", "text/plain", forged)
    (tmp_path / "forged.txt").write_bytes(b"other words")
    (tmp_path / "forged.txt.c2pa").write_bytes(signed.sidecar or b"")
    found = look(stage, tmp_path / "forged.txt")
    assert not found.ok
    assert "contradicts the ledger" in " ".join(found.says)


def test_another_machine_has_no_entry(stage, work, tmp_path) -> None:
    from makar.ledger import open_ledger

    with open_ledger(tmp_path / "other.db") as other:
        found = recognise(work[1], open_book(other))
    assert found.ok
    assert "of which this machine's ledger knows nothing" in " ".join(found.says)


def test_a_forged_ledger_is_told(tmp_path, checks) -> None:
    from makar.ledger import open_ledger

    with open_ledger(tmp_path / "forged.db") as ledger:
        stage = Stage(ledger)
        released = Work(stage.room, stage.work(PROSE).request, policy=POLICY, ledger=ledger).release()
        assert isinstance(released, Released)
        path = released.save(tmp_path / "work.txt")
    with sqlite3.connect(tmp_path / "forged.db") as db:
        for trigger in ("contents_update", "stamps_update"):
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("UPDATE stamps SET body = replace(body, '\"seed\":7', '\"seed\":8')")
    with open_ledger(tmp_path / "forged.db") as ledger:
        found = recognise(path, open_book(ledger))
    assert not found.ok
    assert any(sentence.startswith("the ledger is not as it was written: ") for sentence in found.says)
    assert found.signature.state == "valid"


def test_saving_without_a_signature_takes_an_old_one_away(stage, work) -> None:
    released, path = work
    released.save(path, sign=False)
    assert not path.with_name("work.txt.c2pa").exists()
    assert look(stage, path).signature.state == "none"


def test_a_policy_can_turn_signing_off(stage, tmp_path) -> None:
    import dataclasses

    released = stage.work(PROSE, policy=dataclasses.replace(POLICY, sign=False)).release()
    released.save(tmp_path / "off.txt")
    assert not (tmp_path / "off.txt.c2pa").exists()
    released.save(tmp_path / "off.txt", sign=True)
    assert look(stage, tmp_path / "off.txt").ok


def test_an_embedded_signature_and_a_parent(stage, work, tmp_path) -> None:
    released, path = work
    released.save(tmp_path / "own.md", embed=True, parents=[path])
    found = look(stage, tmp_path / "own.md")
    assert found.ok
    assert "its signer says that it was made from: work.txt (signed)" in found.says
    assert not (tmp_path / "own.md.c2pa").exists()
