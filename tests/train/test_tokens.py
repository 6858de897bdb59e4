"""Documents as rows: nothing lost, the order a function of the seed alone, gaps that can be closed again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makar.kit.errors import BadInput, Damaged
from makar.methods.autoregress.loss import NOT_LEARNED
from makar.train import tokens
from makar.train.tokens import Example, Gaps, Rows, TokenFile, write_tokens
from makar.train.vocabulary import end_of, fim_of, train_tokenizer

TEXTS = [f"def number_{n}():\n    return {n} * {n + 1}\n" for n in range(60)]


def test_every_token_lies_there_in_order_across_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "SHARD_TOK", 50)
    examples = [Example([10 * n + i for i in range(n % 7 + 1)]) for n in range(1, 40)]
    num = write_tokens(tmp_path, "train", examples, 1)
    expected = [id for example in examples for id in (*example.ids, 1)]
    file = TokenFile(tmp_path, "train")
    assert num == len(expected) == file.num_tok
    assert file.read(0, num).tolist() == expected
    assert file.read(45, 155).tolist() == expected[45:155]
    assert {path.stat().st_size for path in tmp_path.glob("*.tok")} <= {200, 4 * (num % 50)}


def test_an_epoch_shows_every_row_once_and_the_next_another_order(tmp_path: Path) -> None:
    write_tokens(tmp_path, "train", [Example(list(range(2, 1000)))], 1)
    rows = Rows(TokenFile(tmp_path, "train"), 16, 7)
    firsts = [int(rows.row(serial)[0][0]) for serial in range(2 * rows.num_rows)]
    one, two = firsts[:rows.num_rows], firsts[rows.num_rows:]
    assert len(set(one)) == rows.num_rows
    assert one != sorted(one) and one != two
    inputs, targets = rows.row(3)
    assert (inputs[1:] == targets[:-1]).all()
    again = Rows(TokenFile(tmp_path, "train"), 16, 7)
    assert (again.row(rows.num_rows + 5)[0] == rows.row(rows.num_rows + 5)[0]).all()


def test_what_is_not_to_be_learned_is_no_target(tmp_path: Path) -> None:
    write_tokens(tmp_path, "train", [Example([5, 6, 7, 8], [False, False, True, True])] * 9, 1)
    inputs, targets = Rows(TokenFile(tmp_path, "train"), 5, 0, whole=True).row(0)
    assert inputs.tolist() == [5, 6, 7, 8, 1]
    assert targets.tolist() == [NOT_LEARNED, 7, 8, NOT_LEARNED, NOT_LEARNED]


def test_whole_documents_are_not_cut(tmp_path: Path) -> None:
    lengths = [3, 6, 5, 7, 2, 4, 7]
    write_tokens(tmp_path, "train", [Example([100 + n] * length) for n, length in enumerate(lengths)], 1, whole_tok=8)
    file = TokenFile(tmp_path, "train")
    rows = [(file.read(start, start + 8) & tokens.ID).tolist() for start in range(0, file.num_tok - 7, 8)]
    for n in range(len(lengths)):
        assert sum(100 + n in row for row in rows) <= 1


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    write_tokens(tmp_path, "train", [Example(list(range(100)))], 1)
    data = bytearray((tmp_path / "train-00000.tok").read_bytes())
    data[8] ^= 1
    (tmp_path / "train-00000.tok").write_bytes(data)
    with pytest.raises(Damaged, match="changed"):
        TokenFile(tmp_path, "train")


def test_too_little_data_is_said(tmp_path: Path) -> None:
    write_tokens(tmp_path, "train", [Example([1, 2])], 1)
    with pytest.raises(BadInput, match="3 tokens"):
        Rows(TokenFile(tmp_path, "train"), 64, 0)


def test_gaps_hold_the_whole_text_and_are_drawn_by_row(tmp_path: Path) -> None:
    tokenizer, _ = train_tokenizer(TEXTS, 300)
    end, fim = end_of(tokenizer), fim_of(tokenizer)
    assert fim is not None
    write_tokens(tmp_path, "train", [Example(tokenizer.encode(text)) for text in TEXTS], end)
    rows = Rows(TokenFile(tmp_path, "train"), 96, 0, gaps=Gaps(tokenizer, fim, 1.0, end))
    closed = 0
    for serial in range(rows.num_rows):
        ids = rows.row(serial)[0].tolist()
        for piece in _pieces(ids, end):
            marks = [fim.prefix, fim.suffix, fim.middle]
            if [id for id in piece if id in marks] != marks:
                continue
            one, two, three = piece.index(fim.prefix), piece.index(fim.suffix), piece.index(fim.middle)
            text = "".join(map(tokenizer.decode, (piece[one + 1:two], piece[three + 1:], piece[two + 1:three])))
            closed += text in TEXTS
    assert closed > 20
    plain = Rows(TokenFile(tmp_path, "train"), 96, 0, gaps=Gaps(tokenizer, fim, 0.0, end))
    assert not any(fim.middle in plain.row(serial)[0] for serial in range(plain.num_rows))


def _pieces(ids: list[int], end: int) -> list[list[int]]:
    borders = np.flatnonzero(np.asarray(ids) == end) + 1
    return [[int(id) for id in part if id != end] for part in np.split(np.asarray(ids), borders)]


def test_the_tokenizer_is_exact_and_the_same_again() -> None:
    first, spelled = train_tokenizer(TEXTS, 275)
    _, again = train_tokenizer(TEXTS, 275)
    assert spelled == again
    assert first.vocab_size == 275
    for text in ("naïve café 東京 \t\n", "<|endoftext|> is text here", TEXTS[3]):
        assert first.decode(first.encode(text)) == text
        assert end_of(first) not in first.encode(text)
