"""SmolLM2's own tokenizer. The ids were compared with those of the published tokenizer's description (individual
digits, then GPT-2's byte level) on 10,000 texts; regenerate with `Tokenizer.open(stored("smollm2-135m").folder)`."""

from __future__ import annotations

import pytest

from makar.codecs.bpe import Tokenizer
from makar.codecs.chat import ChatTemplate, Message
from makar.store import StoredModel

GOLDEN = {
    "The quick brown fox isn't 42 years old.": [504, 2365, 6354, 16438, 3247, 982, 216, 36, 34, 929, 1573, 30],
    "def f(x):\n    return x ** 2\n": [1604, 275, 24, 104, 727, 472, 1003, 1792, 1903, 216, 34, 198],
    "漢字 かな 🤖": [177, 137, 112, 36518, 46673, 229, 7365, 120, 15107, 114, 240],
    "مرحبا e\u0301 ½": [21706, 20602, 44626, 31462, 10805, 297, 151, 219, 216, 16738],
}


@pytest.mark.weights
def test_golden_ids(smollm2: StoredModel) -> None:
    tokenizer = Tokenizer.open(smollm2.folder)
    for text, ids in GOLDEN.items():
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == text
    assert tokenizer.vocab_size == 49152 and tokenizer.id_of("<|im_end|>") == 2


@pytest.mark.weights
def test_a_turn_is_rendered_and_read_back(smollm2: StoredModel) -> None:
    template = ChatTemplate((smollm2.folder / "chat_template.jinja").read_text(), "<|im_start|>", "<|im_end|>")
    text = template.render([Message("user", "Hi")])
    assert text.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    tokenizer = Tokenizer.open(smollm2.folder)
    ids = tokenizer.encode(text, special=True)
    assert ids.count(1) == 3 and ids.count(2) == 2 and tokenizer.decode(ids) == text
