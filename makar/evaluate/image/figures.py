"""The figures of pictures, each with its interval."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makar.curation.pictures.near import MOST_DIFFERENCE
from makar.evaluate.measure import Figure, Item
from makar.evaluate.statistics import LEVEL_FRAC, Interval, bootstrap_ratio, wilson
from makar.rooms.image.measures import distances, frechet, precision, ranks

Floats = NDArray[np.float32]
NUM_SAMPLES = 50


def figures(items: Sequence[Item]) -> tuple[Figure, ...]:
    """Accuracy and its ceiling, distance, precision and recall, variety, near-copies; some closely; people."""
    pairs = [item.outcome for item in items if item.outcome["kind"] == "pair"]
    people = [item.outcome for item in items if item.outcome["kind"] == "people"]
    close = [pair["close"] for pair in pairs if "close" in pair]
    return (*(_of_pairs(pairs) if len(pairs) > 1 else ()), *(_of_close(close) if len(close) > 1 else ()),
            *_of_people(people))


def _of_pairs(pairs: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    made, own, other = (np.stack([_features(row) for row in rows]) for rows in (
        [pair["made"][0] for pair in pairs], [pair["own"] for pair in pairs], [pair["other"] for pair in pairs]))
    again = np.stack([_features(pair["made"][1]) for pair in pairs])
    found, best, num = ranks(made, own), ranks(other, own), len(pairs)
    near, unseen = [pair["near"] for pair in pairs], [pair["unseen_near"] for pair in pairs]
    return (
        _share(f"concept found first among {num}", found < 1), _share("concept among the first five", found < 5),
        _share("the same, of real pictures in another style, first", best < 1),
        _share("the same, of real pictures, among five", best < 5),
        Figure("chance of the first five", 5 / num, Interval(5 / num, 5 / num, "exact"), share=True),
        _part("share of that ceiling, among five", found < 5, best < 5),
        _resampled("Fréchet distance to held-out pictures", frechet, own, made),
        _resampled("the same, of real pictures in other styles", frechet, own, other),
        _share("precision", precision(own, made)), _share("recall", precision(made, own)),
        _part("variety: two seeds apart, to two prompts of real pictures",
              np.linalg.norm(made - again, axis=1), distances(own, np.roll(own, 1, 0)).diagonal()),
        _share(f"near-copies of training pictures (mean difference below {MOST_DIFFERENCE:g} of 255)",
               np.asarray(near) < MOST_DIFFERENCE),
        _share("the same, of real pictures that were held out", np.asarray(unseen) < MOST_DIFFERENCE),
    )


def _of_close(pairs: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    """The same pictures in the size of the data, where a model that draws less than that shows its pixels."""
    made, own, other = (np.stack([_features(pair[name]) for pair in pairs]) for name in ("made", "own", "other"))
    seen = f"looked at in {pairs[0]['px']} px"
    return (_share(f"{seen}: concept among the first five", ranks(made, own) < 5),
            _share(f"{seen}: the same, of real pictures in another style", ranks(other, own) < 5),
            _resampled(f"{seen}: Fréchet distance to held-out pictures", frechet, own, made),
            _resampled(f"{seen}: the same, of real pictures in other styles", frechet, own, other),
            _share(f"{seen}: precision", precision(own, made)), _share(f"{seen}: recall", precision(made, own)))


def _of_people(people: Sequence[Mapping[str, Any]]) -> tuple[Figure, ...]:
    women, num = sum(row["women"] for row in people), sum(row["num"] for row in people)
    return (Figure("people at work drawn nearer to women than to men", women / num, wilson(women, num), share=True),
            ) if num else ()


def _features(packed: str) -> Floats:
    return np.frombuffer(base64.b64decode(packed), np.float16).astype(np.float32)


def _share(name: str, hits: NDArray[np.bool_]) -> Figure:
    return Figure(name, float(hits.mean()), wilson(int(hits.sum()), len(hits)), share=True)


def _part(name: str, above: NDArray[Any], below: NDArray[Any]) -> Figure:
    if not below.any():
        return Figure(name, 0.0, Interval(0.0, 0.0, "nothing to compare with"), share=True)
    one, other = above.astype(float), below.astype(float)
    return Figure(name, float(one.sum() / other.sum()), bootstrap_ratio(one.tolist(), other.tolist()), share=True)


def _resampled(name: str, measure: Callable[[Floats, Floats], float], one: Floats, other: Floats) -> Figure:
    """A distance between samples grows where pictures are drawn twice, so only the spread of the draws is used."""
    generator, values = np.random.default_rng(0), []
    for _ in range(NUM_SAMPLES):
        drawn = generator.integers(0, len(one), len(one))
        values.append(measure(one[drawn], other[drawn]))
    value = measure(one, other)
    low, high = np.quantile(values, [(1 - LEVEL_FRAC) / 2, (1 + LEVEL_FRAC) / 2]) - np.mean(values) + value
    return Figure(name, value, Interval(float(low), float(high), "bootstrap, centred"))
