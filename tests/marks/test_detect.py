"""contract: the detector finds what was marked, where it was marked, under which key; and stays silent otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from marked_letters import letters, write

from makar.kit.errors import Damaged
from makar.marks import key as mark_keys
from makar.marks import mark_of, tournament
from makar.marks.key import MarkKey
from makar.marks.text import ENOUGH_TOK, SCHEME, detect, statement, windows
from makar.marks.tokenizers import Known, remember, remembered

KEY, OTHER = MarkKey(bytes(range(32))), MarkKey(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def known() -> Known:
    return letters()


def test_marked_text_is_found_with_its_key_alone(known: Known) -> None:
    text = write(known, 200, key=KEY, seed=5)
    found = detect(text, keys=[OTHER, KEY], tokenizers=[known])
    assert found.found and found.p_value < 1e-6
    assert (found.key, found.checkpoints, found.scheme) == (KEY.id, ("tiny",), SCHEME.name)
    assert KEY.id in found.says
    assert not detect(text, keys=[OTHER], tokenizers=[known]).found


def test_unmarked_text_is_found_no_oftener_than_said(known: Known) -> None:
    """2,000 unmarked texts: the shares of p-values below 0.01 and 0.1 are at most these, but for chance."""
    keys = [MarkKey(number.to_bytes(32, "big")) for number in range(20)]
    p_values = np.array([detect(write(known, 120, key=None, seed=seed), keys=[key], tokenizers=[known]).p_value
                         for seed in range(100) for key in keys])
    for level in (0.01, 0.1):
        assert np.mean(p_values <= level) <= level + 4 * np.sqrt(level / len(p_values))
    assert np.mean(p_values <= 0.1) >= 0.05  # and they are not far too large either


def test_a_marked_answer_is_found_inside_other_prose(known: Known) -> None:
    before, answer, after = (write(known, num, key=key, seed=seed)
                             for num, key, seed in ((3000, None, 1), (250, KEY, 2), (3000, None, 3)))
    found = detect(before + answer + after, keys=[KEY], tokenizers=[known])
    assert found.found
    assert 2700 < found.start < 3150 and 3100 < found.end < 3600
    assert f"{found.start:,}" in found.says


def test_what_an_earlier_version_marked_is_still_found(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(tournament, "SCHEME", tournament.EARLIER[0])
        text = write(known, 200, key=KEY, seed=5)
    found = detect(text, keys=[KEY], tokenizers=[known])
    assert found.found and found.scheme == "makar-text/1"


def test_edits_and_a_cut_beginning_leave_the_mark(known: Known) -> None:
    text = write(known, 400, key=KEY, seed=4)
    random = np.random.default_rng(0)
    edited = "".join(letter if random.random() > 0.2 else "e" for letter in text)
    assert detect(edited[7:], keys=[KEY], tokenizers=[known]).found


@pytest.mark.parametrize("text", ["", "abc", "the rain " * 300])
def test_too_short_or_too_predictable_is_said(text: str, known: Known) -> None:
    outcome = detect(text, keys=[KEY], tokenizers=[known])
    assert outcome.found is None
    assert "too short or too predictable to tell" in outcome.says


def test_long_unmarked_text_is_not_called_a_persons(known: Known) -> None:
    outcome = detect(write(known, ENOUGH_TOK + 300, key=None, seed=1), keys=[KEY], tokenizers=[known])
    assert outcome.found is False
    assert "does not mean that a person" in outcome.says


def test_old_keys_and_remembered_tokenizers_are_looked_with(known: Known) -> None:
    assert detect("x" * 50).found is None
    assert "no key" in detect("x" * 50).says
    old = mark_keys.current_key()
    remember(old.id, "tiny", known.tokenizer)
    remember(old.id, "other", known.tokenizer)
    text = write(known, 200, key=old, seed=0)
    mark_keys.rotate()
    assert [one.checkpoints for one in remembered([old.id])] == [("other", "tiny")]
    assert detect(text).key == old.id
    (mark_keys.key_folder() / f"{old.id}.tokenizers").write_text("{")
    with pytest.raises(Damaged):
        detect(text)


def test_windows_cover_and_are_shorter_than_the_whole() -> None:
    assert list(windows(200)) == []
    spans = list(windows(1000))
    assert {end - start for start, end in spans if end < 1000} == {200, 400, 800}
    covered = np.zeros(1000, dtype=bool)
    for start, end in spans:
        assert 0 <= start < end <= 1000
        covered[start:end] = True
    assert covered.all()


def test_what_records_say() -> None:
    assert statement(KEY.id, greedy=False) == {"scheme": SCHEME.name, "key": KEY.id}
    assert statement(KEY.id, greedy=True) == {"not_marked": "greedy"}
    assert statement("", greedy=False) == {"not_marked": "turned off"}


def test_marks_by_kind_of_media() -> None:
    for media_type in ("text/plain", "text/x-python", "application/json"):
        mark = mark_of(media_type)
        assert mark is not None and mark.scheme == SCHEME.name and mark.detect is detect
    assert mark_of("chemical/x-pdb") is None
