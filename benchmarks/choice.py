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
from makar.marks.choice import kind_of
from makar.marks.key import current_key
from makar.marks.text import DEPTH_WEIGHTS
from makar.marks.tournament import NUM_LAYERS, SCHEME, messages_at, words
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
        found = words(key.derive(SCHEME.name, 64), messages_at(ids, range(SCHEME.context_tok, len(ids)),
                                                               SCHEME.context_tok))[:, one.seed % SCHEME.num_lanes]
        scores = ((found[:, None] >> np.arange(NUM_LAYERS) & 1) - 0.5) @ DEPTH_WEIGHTS / SPREAD
        met, contexts = set(ids[:SCHEME.context_tok]), set[tuple[int, ...]]()
        for place, score in enumerate(scores, SCHEME.context_tok):
            context = tuple(ids[place - SCHEME.context_tok:place])
            if context not in contexts:
                told[kind_of(model.tokenizer.bytes_of(ids[place])), ids[place] not in met].append(float(score))
            met.add(ids[place])
            contexts.add(context)
    for (kind, new), scored in sorted(told.items()):
        print(f"{kind:6} {'new' if new else 'again':6} {len(scored):6,} tokens   {np.mean(scored):.2f} "
              f"+- {len(scored) ** -0.5:.2f}")


if __name__ == "__main__":
    main()
