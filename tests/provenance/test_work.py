"""From a request to what leaves: the same bytes however it is asked for, and every end of a work is stamped."""

from __future__ import annotations

import json

import pytest
from parrot_stage import POLICY, PROSE

from makar.generate.artifact import Artifact, new_id
from makar.kit.errors import BadInput, Interrupted, LedgerBroken
from makar.ledger import open_ledger
from makar.provenance.released import Released, Withheld
from makar.provenance.work import submit


def test_a_clean_work_is_released_with_all_its_stamps(stage):
    released = stage.work(PROSE).release()
    assert isinstance(released, Released)
    assert released.content == released.text == str(released) == PROSE
    assert stage.kinds() == ["request", "artifact", "verdicts", "decision", "release"]
    record = released.record
    stamps = {stamp.kind: stamp for stamp in stage.ledger.stamps()}
    assert record["stamps"] == {kind: stamp.id for kind, stamp in stamps.items()}
    assert record["checkpoint"]["name"] == "parrot" and record["seed"] == 7 and record["finish"] == "stop"
    assert record["decision"]["action"] == "release" and record["decision"]["policy"]["name"] == "of the test"
    assert [verdict["check"] for verdict in record["verdicts"]] == [
        "secrets", "personal_data", "repetition", "outside_calls", "language"]
    assert stamps["decision"].body["policy"]["actions"]["secrets"] == "refuse"
    assert {stamp.body["work"] for kind, stamp in stamps.items() if kind != "request"} == {released.id}
    in_ledger = json.loads(stage.ledger.content(stamps["release"].body["record"]))
    assert in_ledger["stamps"] == {kind: name for kind, name in record["stamps"].items() if kind != "release"}
    asked = json.loads(stage.ledger.content(stamps["request"].body["content"]))
    assert asked["says"] == [PROSE] == record["request"]["says"]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("text", [PROSE, f"{PROSE} MAIL and MAIL, NOTE that. {PROSE} MAIL", "MAIL", "", "x"])
def test_streamed_is_not_streamed(live_stage, text, size):
    whole = live_stage.work(text).release()
    work = live_stage.work(text, size=size)
    windows = list(work.stream())
    assert "".join(windows) == work.release().content == whole.content
    assert whole.content == text.replace("MAIL", "[personal_data removed]")
    assert live_stage.text_of("window") == windows
    assert whole.record["decision"]["action"] == ("mask" if "MAIL" in text else "release")
    assert whole.record["masked"] == ("MAIL" in text)


def test_windows_leave_while_the_text_is_made_and_are_stamped_before(live_stage):
    made = []
    live_stage.model.before = made.append
    num_seen = 0
    for window in live_stage.work(PROSE, size=1).stream():
        num_seen += 1
        assert live_stage.text_of("window")[-1] == window
        if num_seen == 1:
            assert len(made) < len(PROSE) // 2
    assert num_seen > 3
    assert live_stage.kinds()[-5:] == ["window", "artifact", "verdicts", "decision", "release"]


def test_nothing_streams_before_a_check_that_needs_the_whole(stage):
    work = stage.work(PROSE)
    assert list(work.stream()) == [PROSE]
    with pytest.raises(Withheld, match="language"):
        list(stage.work(f"{PROSE} WRONG").stream())
    assert stage.text_of("window") == [PROSE]


def test_a_refused_work_stops_at_once_and_is_kept(live_stage):
    made = []
    live_stage.model.before = made.append
    work = live_stage.work(f"{PROSE} SECRET {PROSE * 10}")
    with pytest.raises(Withheld) as caught:
        list(work.stream())
    left = "".join(live_stage.text_of("window"))
    assert PROSE.startswith(left) and "SECRET" not in left
    assert len(made) * 5 < len(PROSE) * 3
    assert caught.value.action == "refuse" and "secrets" in caught.value.reasons[0]
    assert caught.value.exit_code == 3 and "makar ledger show" in str(caught.value)
    assert "SECRET" in live_stage.text_of("artifact")[0]
    withheld = next(live_stage.ledger.stamps("withheld"))
    assert withheld.body["num_chars_left"] == len(left)
    assert "release" not in live_stage.kinds()
    with pytest.raises(Withheld):
        work.release()


def test_a_held_work_is_made_to_its_end_for_the_reviewer(live_stage):
    text = f"{PROSE} AGAIN {PROSE}"
    with pytest.raises(Withheld, match="makar review show") as caught:
        live_stage.work(text).release()
    assert caught.value.action == "hold"
    assert live_stage.text_of("artifact") == [text]
    assert caught.value.record["decision"]["action"] == "hold"


def test_candidates_end_each_for_itself(stage):
    released = stage.work("one", "SECRET two", "three is MAIL").release()
    assert [work.content for work in released] == ["one", "three is [personal_data removed]"]
    assert [work.record["seed"] for work in released] == [7, 9]
    assert stage.kinds().count("withheld") == 1 and stage.kinds().count("release") == 2


def test_where_no_candidate_left_all_their_reasons_are_told(stage):
    with pytest.raises(Withheld, match=r"answer 1: secrets.*answer 2: repetition.*makar review show") as caught:
        stage.work("SECRET", "AGAIN").release()
    assert caught.value.action == "hold"  # the one that a person may still let out
    assert caught.value.record["finish"] == "stop" and len(caught.value.reasons) == 2


def test_candidates_cannot_be_streamed(stage):
    with pytest.raises(BadInput, match="one answer; 2 were asked for"):
        stage.work("a", "b").stream()
    assert stage.kinds() == []


def test_a_work_is_made_once(stage):
    work = stage.work("words")
    first = work.release()
    assert work.release() is first
    with pytest.raises(BadInput, match="made already"):
        work.stream()
    assert stage.kinds().count("request") == 1


@pytest.mark.parametrize("streamed", [True, False])
def test_ctrl_c_keeps_the_partial_work(live_stage, streamed):
    def press(number: int) -> None:
        if number == 60:
            raise KeyboardInterrupt
    live_stage.model.before = press
    work = live_stage.work(PROSE)
    seen = []
    with pytest.raises(Interrupted, match="makar ledger show") as caught:
        if streamed:
            for window in work.stream():
                seen.append(window)
        else:
            work.release()
    assert caught.value.exit_code == 130
    assert live_stage.text_of("partial") == [PROSE[:300]]
    partial = next(live_stage.ledger.stamps("partial"))
    assert partial.id[:16] in str(caught.value)
    assert partial.body["num_chars_left"] == len("".join(seen)) == (len(seen) and partial.body["num_chars_left"])
    assert bool(seen) == streamed
    assert live_stage.kinds()[-1] == "partial" and "release" not in live_stage.kinds()
    with pytest.raises(BadInput, match="broken off"):
        work.release()


def test_a_reader_who_leaves_keeps_the_partial_work(live_stage):
    stream = live_stage.work(PROSE).stream()
    first = next(stream)
    stream.close()
    partial = next(live_stage.ledger.stamps("partial"))
    assert live_stage.text_of("partial")[0].startswith(first)
    assert partial.body["why"] == "the reader left" and partial.body["num_chars_left"] == len(first)


def test_ctrl_c_in_the_reader_names_what_is_kept(live_stage):
    work = live_stage.work(PROSE)
    next(iter(work.stream()))
    error = work.interrupted()
    assert next(live_stage.ledger.stamps("partial")).id[:16] in str(error)


def test_a_ledger_closed_in_the_middle_keeps_the_partial_work(live_stage, tmp_path):
    with open_ledger(tmp_path / "other.db") as ledger, pytest.raises(RuntimeError), ledger:
        for _ in (stream := live_stage.work(PROSE, ledger=ledger).stream()):
            raise RuntimeError("while the reader shows the first window")
    assert list(stream) == []
    with open_ledger(tmp_path / "other.db") as ledger:
        assert [stamp.kind for stamp in ledger.stamps()] == ["request", "window", "partial"]
    with pytest.raises(LedgerBroken, match="has been closed"):
        live_stage.work(PROSE, ledger=ledger).release()


def test_what_was_made_before_a_failure_is_kept(live_stage):
    def fail(number: int) -> None:
        if number == 30:
            raise MemoryError("no more")
    live_stage.model.before = fail
    with pytest.raises(MemoryError):
        live_stage.work(PROSE).release()
    assert live_stage.text_of("partial") == [PROSE[:150]]
    assert next(live_stage.ledger.stamps("partial")).body["why"] == "MemoryError: no more"


def test_nothing_leaves_when_it_cannot_be_stamped(live_stage, monkeypatch):
    work = live_stage.work(PROSE)
    stream = work.stream()
    next(stream)
    monkeypatch.setattr(live_stage.ledger, "batch", lambda: (_ for _ in ()).throw(LedgerBroken("cannot be written")))
    with pytest.raises(LedgerBroken):
        next(stream)
    monkeypatch.undo()
    assert "release" not in live_stage.kinds() and len(live_stage.text_of("window")) == 1


def test_the_ledger_at_home_is_used_where_none_is_named(stage):
    released = stage.work("words", ledger=None).release()
    with open_ledger() as ledger:
        assert ledger.work(released.id)[-1].kind == "release"
    assert stage.kinds() == []


def artifact(content: str) -> Artifact:
    return Artifact(new_id(), "code", "text/x-python", content, {"task": "fix", "model": "tiny"},
                    {"name": "parrot", "sha256": "0" * 64, "training_data": "none"}, 3, "composed", 9, 1.5)


def test_submit_checks_the_whole_of_a_composed_work(stage):
    released = submit(artifact("a MAIL"), policy=POLICY, ledger=stage.ledger)
    assert released.content == "a [personal_data removed]" and released.record["finish"] == "composed"
    assert stage.kinds() == ["request", "artifact", "verdicts", "decision", "release"]
    request = stage.ledger.append("request", {"room": "code"})
    again = submit(artifact("b"), policy=POLICY, ledger=stage.ledger, request_stamp=request)
    assert again.record["stamps"]["request"] == request.id
    with pytest.raises(Withheld):
        submit(artifact("SECRET"), policy=POLICY, ledger=stage.ledger)
