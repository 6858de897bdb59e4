"""Only the seal makes a Released, and only of what its decision lets out."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle

import pytest
from parrot_stage import POLICY

from makar.generate.artifact import Artifact, new_id
from makar.kit.errors import BadInput
from makar.provenance.case import Case
from makar.provenance.released import Released, Withheld
from makar.provenance.seal import seal
from makar.provenance.work import stamp_request
from makar.review.decision import Decision
from makar.verdict import Verdict

REFUSED = Verdict("secrets", False, 0.0, "found one")


@pytest.fixture
def case(stage) -> Case:
    artifact = Artifact(new_id(), "text", "text/plain", "words", {"model": "tiny"},
                        {"name": "parrot", "sha256": "0" * 64, "training_data": "none"}, 3, "stop", 1, 0.5)
    request = stamp_request(stage.ledger, "text", artifact.request, POLICY, {})
    return Case(artifact, (), Decision("release", "policy:of the test", "every check passed"), POLICY, request, "words")


def test_a_released_cannot_be_made_otherwise(stage, case):
    released = seal(case, stage.ledger)
    for make in (lambda: Released("words", released.manifest), lambda: Released("words", released.manifest, object()),
                 lambda: dataclasses.replace(released, content="other"), lambda: copy.copy(released),
                 lambda: copy.deepcopy(released), lambda: pickle.dumps(released), lambda: pickle.dumps(released, 0)):
        with pytest.raises((TypeError, ValueError)):
            make()
    for name in ("content", "manifest", "other"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(released, name, "other")
    released.record["work"] = "other"
    assert released.record["work"] == released.id == case.artifact.id


@pytest.mark.parametrize("decision", [None, "release", Decision("let it go", "me", "why")])
def test_nothing_is_sealed_without_a_decision(stage, case, decision):
    with pytest.raises(BadInput, match="without a Decision"):
        seal(dataclasses.replace(case, decision=decision), stage.ledger)
    assert stage.kinds() == ["request"]


def test_a_policy_cannot_decide_softer_than_it_is(stage, case):
    with pytest.raises(BadInput, match="says refuse, the decision says release"):
        seal(dataclasses.replace(case, verdicts=(REFUSED,)), stage.ledger)
    assert stage.kinds() == ["request"]


def test_a_policy_may_decide_harder(stage, case):
    harder = Decision("hold", "policy:of the test", "to be sure")
    with pytest.raises(Withheld, match="to be sure"):
        seal(dataclasses.replace(case, decision=harder, cleared=""), stage.ledger)
    assert stage.kinds()[-1] == "withheld"


def test_a_release_changes_nothing(stage, case):
    with pytest.raises(BadInput, match="as it was made"):
        seal(dataclasses.replace(case, cleared="other words"), stage.ledger)
    assert stage.kinds() == ["request"]


def test_save(stage, case, tmp_path):
    released = seal(case, stage.ledger)
    (tmp_path / "out.txt").write_text("old and longer words")
    assert released.save(tmp_path / "out.txt", record=True) == tmp_path / "out.txt"
    assert (tmp_path / "out.txt").read_bytes() == b"words"
    assert json.loads((tmp_path / "out.txt.record.json").read_text()) == released.record
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.txt", "out.txt.c2pa",
                                                                     "out.txt.record.json"]
    with pytest.raises(BadInput, match="cannot write"):
        released.save(tmp_path)
