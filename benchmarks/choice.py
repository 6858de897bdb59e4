"""What the tokens of marked text tell by their kind: the mean of their scores in deviations of what chance gives, on
the texts that `makar eval marks` passes over. The weights in `makar/marks/choice.py` are these figures by the largest
of them, rounded.

    python benchmarks/choice.py [--model NAME]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from makar.evaluate.marks.writing import PASSED_OVER, prose_number, texts
from makar.generate.load import load
from makar.marks.choice import kinds
from makar.marks.key import current_key
from makar.marks.text import DEPTH_WEIGHTS, met_before, word_scores
from makar.marks.tournament import SCHEME, messages_at, words
from makar.room import room

SPREAD = float(np.sqrt((DEPTH_WEIGHTS**2).sum()) / 2)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qwen2.5-coder-1.5b")
    model, key = load(room("text"), parser.parse_args().model), current_key()
    asked = [prose_number(number) for number in range(PASSED_OVER)]
    told: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for one, text in zip(asked, texts(model, asked, key), strict=True):
        ids = model.tokenizer.encode(text)
        marked = range(SCHEME.context_tok, len(ids))
        found = words(key.derive(SCHEME.name, 64), messages_at(ids, marked, SCHEME.context_tok))
        scores = word_scores(found[:, one.seed % SCHEME.num_lanes]) / SPREAD
        known = list(kinds(model.tokenizer.bytes_of(token) for token in ids))[SCHEME.context_tok:]
        for kind, score, before in zip(known, scores, met_before(ids, SCHEME.context_tok), strict=True):
            if before < 0:
                told[kind].append(float(score))
    for (kind, new), scored in sorted(told.items()):
        print(f"{kind:6} {'new' if new else 'again':6} {len(scored):6,} tokens   {np.mean(scored):.2f} "
              f"+- {len(scored) ** -0.5:.2f}")


if __name__ == "__main__":
    main()
