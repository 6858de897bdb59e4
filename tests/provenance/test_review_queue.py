"""Held works wait for a person, who approves, rejects or edits with name and reason."""

from __future__ import annotations

import pytest
from parrot_stage import PROSE, Stage

from makar.kit.errors import BadInput
from makar.provenance.released import Released, Withheld
from makar.provenance.review_queue import approve, edit, kept, pending, reject


def held(stage: Stage, text: str) -> str:
    """The id of a work that says this and is withheld."""
    with pytest.raises(Withheld) as caught:
        stage.work(text).release()
    return caught.value.id


def ids(stage: Stage) -> list[str]:
    return [work.id for work in pending(stage.ledger)]


def test_what_is_held_waits_and_nothing_else(stage):
    stage.work("fine").release()
    held(stage, "SECRET")
    first, second = held(stage, "AGAIN one"), held(stage, "AGAIN two")
    assert ids(stage) == [first, second]
    waiting = pending(stage.ledger)[0]
    assert waiting.case.artifact.content == "AGAIN one" and waiting.state == "held"
    assert waiting.case.decision.reasons == ("repetition: found 1 times repetition (hold)",)


def test_approve_releases_by_the_person(stage):
    work = held(stage, f"{PROSE} AGAIN")
    released = approve(stage.ledger, work[:24], "Ada", "it is a refrain")
    assert isinstance(released, Released)
    assert released.content == f"{PROSE} AGAIN" and released.id == work
    decision = released.record["decision"]
    assert (decision["action"], decision["by"], decision["why"]) == ("release", "Ada", "it is a refrain")
    assert decision["reasons"] == ["repetition: found 1 times repetition (hold)"]
    assert released.record["review"] == {"verb": "approve", "by": "Ada", "why": "it is a refrain"}
    assert stage.kinds()[-3:] == ["review", "decision", "release"]
    assert stage.kinds().count("artifact") == 1
    assert ids(stage) == [] and kept(stage.ledger, work).state == "approve"


def test_an_approval_waives_the_hold_but_not_the_masks(stage):
    work = held(stage, "AGAIN MAIL")
    released = approve(stage.ledger, work, "Ada", "fine")
    assert released.content == "AGAIN [personal_data removed]"
    assert released.record["decision"]["action"] == "mask"


def test_reject_keeps_it_in(stage):
    work = held(stage, "AGAIN")
    assert reject(stage.ledger, work, "Ada", "dull").action == "refuse"
    assert stage.kinds()[-3:] == ["review", "decision", "withheld"]
    assert ids(stage) == [] and kept(stage.ledger, work).case.artifact.content == "AGAIN"


def test_an_edit_is_a_new_work_of_the_old_one(stage):
    old = held(stage, "AGAIN and MAIL")
    released = edit(stage.ledger, old, "better, MAIL", "Ada", "cut the refrain")
    assert released.id != old and released.record["parents"] == [old]
    assert released.content == "better, [personal_data removed]"
    assert released.record["decision"]["by"] == "policy:of the test"
    assert released.record["review"]["by"] == "Ada" and released.record["finish"] == "edited"
    assert ids(stage) == [] and kept(stage.ledger, old).case.artifact.content == "AGAIN and MAIL"


def test_an_edit_is_checked_again(stage):
    old = held(stage, "AGAIN")
    with pytest.raises(Withheld, match="repetition") as caught:
        edit(stage.ledger, old, "still AGAIN", "Ada", "no reason")
    assert ids(stage) == [caught.value.id]  # the old one is settled, the edit waits
    with pytest.raises(Withheld, match="secrets"):
        edit(stage.ledger, caught.value.id, "a SECRET", "Ada", "why not")
    assert ids(stage) == []


def test_a_refused_work_can_be_edited_but_not_approved(stage):
    refused = held(stage, "SECRET")
    with pytest.raises(BadInput, match="refused by the policy; edit it instead"):
        approve(stage.ledger, refused, "Ada", "I want it")
    assert edit(stage.ledger, refused, "nothing to hide", "Ada", "took it out").content == "nothing to hide"


@pytest.mark.parametrize("again", [approve, reject])
@pytest.mark.parametrize("first", [approve, reject])
def test_a_work_is_settled_once(stage, first, again):
    work = held(stage, "AGAIN")
    first(stage.ledger, work, "Ada", "first")
    with pytest.raises(BadInput, match="does not wait for review"):
        again(stage.ledger, work, "Bob", "second")
    assert stage.kinds().count("review") == 1


@pytest.mark.parametrize(("who", "why"), [("", "why"), ("Ada", " "), ("Ada", "two\nlines"), ("policy:default", "why"),
                                          ("Ada\x1b[2J", "why")])
def test_a_review_names_who_and_why(stage, who, why):
    work = held(stage, "AGAIN")
    for act in (approve, reject, lambda *words: edit(words[0], words[1], "new", *words[2:])):
        with pytest.raises(BadInput):
            act(stage.ledger, work, who, why)
    assert ids(stage) == [work]


def test_edits_that_are_none(stage):
    work = held(stage, "AGAIN")
    with pytest.raises(BadInput, match="changes nothing"):
        edit(stage.ledger, work, "AGAIN", "Ada", "why")
    with pytest.raises(BadInput, match="is empty"):
        edit(stage.ledger, work, " \n", "Ada", "why")
    with pytest.raises(BadInput, match="surrogate"):
        edit(stage.ledger, work, "\udcff", "Ada", "why")
    assert ids(stage) == [work]


def test_unknown_and_unfinished_works(stage):
    with pytest.raises(BadInput, match="makar review list"):
        kept(stage.ledger, "abc")
    stream = stage.work(PROSE)
    stage.model.before = lambda number: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(BaseException, match="kept"):
        stream.release()
    partial = next(stage.ledger.stamps("partial"))
    with pytest.raises(BadInput, match="never finished"):
        approve(stage.ledger, partial.body["work"], "Ada", "why")
