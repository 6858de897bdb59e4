"""Rules that tell prose from what only looks like text, and source code from data and generated files.

Sources: Gopher = Rae et al. 2021 (arXiv:2112.11446), A.1.1 and table A1; C4 = Raffel et al. 2020 (arXiv:1910.10683),
section 2.2; FineWeb = Penedo et al. 2024 (arXiv:2406.17557), section 3.6; StarCoder = Li et al. 2023
(arXiv:2305.06161), section 3.2.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from makar.curation.record import Record
from makar.curation.repetition import RepetitionConfig, repeated
from makar.curation.source import Drop

Broken = Iterator[tuple[str, str]]
"""(rule, what it allows and what was found)"""

STOP_WORDS = frozenset(("the", "be", "to", "of", "and", "that", "have", "with"))
WITHOUT_SPACES = frozenset(("zh", "ja", "th", "lo", "km", "my", "dz", "bo"))
_TERMINAL = (".", "!", "?", '"', "'", "”", "’", "»", "。", "！", "？", "…", ":", ")", "*", "_")
_BULLETS = ("-", "*", "•", "‣", "◦", "▪", "–", "·")
_LEAST_WRAP_CHARS, _MOST_WRAP_CHARS = 40, 100
_NEAR_WIDTH_FRAC, _WRAPPED_FRAC = 0.75, 0.8


@dataclass(frozen=True)
class ProseRules:
    """The rules for prose, each named by who proposed it and what it looks at."""

    gopher_least_words: int = 50
    gopher_most_words: int = 100_000
    gopher_least_mean_word_chars: float = 3.0
    gopher_most_mean_word_chars: float = 10.0
    gopher_most_symbols_per_word: float = 0.1
    gopher_most_bullet_lines_frac: float = 0.9
    gopher_most_ellipsis_lines_frac: float = 0.3
    gopher_least_words_with_letter_frac: float = 0.8
    gopher_least_stop_words: int = 2
    c4_no_lorem_ipsum: bool = True
    c4_no_javascript_notice: bool = True
    fineweb_least_ended_lines_frac: float = 0.12
    fineweb_most_short_lines_frac: float = 0.67
    fineweb_short_line_chars: int = 30


@dataclass(frozen=True)
class CodeRules:
    """The rules for source code, those of StarCoder."""

    starcoder_most_line_chars: int = 1_000
    starcoder_most_mean_line_chars: float = 100.0
    starcoder_least_alphanumeric_frac: float = 0.25
    no_generated: bool = True


@dataclass(frozen=True)
class QualityConfig:
    """Which rules hold; with `enabled` false none does."""

    enabled: bool = True
    prose: ProseRules = field(default_factory=ProseRules)
    repetition: RepetitionConfig = field(default_factory=RepetitionConfig)
    code: CodeRules = field(default_factory=CodeRules)


def quality(records: Iterable[Record], config: QualityConfig, drop: Drop) -> Iterator[Record]:
    """The records that break no rule; the others are dropped by the first that they break."""
    for record in records:
        broken = next(broken_rules(record, config), None) if config.enabled else None
        if broken is None:
            yield record
        else:
            drop(record, "quality", f"{broken[0]}: {broken[1]}")


def broken_rules(record: Record, config: QualityConfig) -> Broken:
    """Every rule that a record breaks."""
    if record.kind == "code":
        yield from _code(record.content, config.code)
        return
    lines = units(record.content)
    words = record.content.split()
    if record.language not in WITHOUT_SPACES:
        yield from _words(words, record, config.prose)
    yield from _lines(lines, record.content, len(words), config.prose)
    yield from _boilerplate(record.content, config.prose)
    yield from repeated(record.content, lines, config.repetition)


def units(text: str) -> list[str]:
    """The lines that rules about lines mean: paragraphs where they were broken at a fixed width, else the lines."""
    lines = [line.strip() for line in text.split("\n")]
    widest = max(map(len, lines))
    # Lines that another follows end where they do because the next word did not fit.
    inner = [len(line) for line, after in itertools.pairwise(lines) if line and after]
    near = sum(length >= _NEAR_WIDTH_FRAC * widest for length in inner)
    if inner and _LEAST_WRAP_CHARS <= widest <= _MOST_WRAP_CHARS and near >= _WRAPPED_FRAC * len(inner):
        return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [line for line in lines if line]


def _words(words: list[str], record: Record, rules: ProseRules) -> Broken:
    count = len(words)
    if not rules.gopher_least_words <= count <= rules.gopher_most_words:
        yield "gopher_words", (f"{count:,} words; expected {rules.gopher_least_words:,} to "
                               f"{rules.gopher_most_words:,}")
        if not count:
            return
    mean = sum(map(len, words)) / count
    if not rules.gopher_least_mean_word_chars <= mean <= rules.gopher_most_mean_word_chars:
        yield "gopher_mean_word_chars", (f"{mean:.1f} characters a word; expected "
                                         f"{rules.gopher_least_mean_word_chars:g} to "
                                         f"{rules.gopher_most_mean_word_chars:g}")
    lettered = sum(word.isalpha() or any(map(str.isalpha, word)) for word in words) / count
    if lettered < rules.gopher_least_words_with_letter_frac:
        yield "gopher_words_with_letter", (f"{lettered:.0%} of words have a letter; expected at least "
                                           f"{rules.gopher_least_words_with_letter_frac:.0%}")
    if record.language == "en":
        held = len(STOP_WORDS & set(record.content.lower().split()))
        if held < rules.gopher_least_stop_words:
            yield "gopher_stop_words", (f"{held} of the words {', '.join(sorted(STOP_WORDS))}; expected at least "
                                        f"{rules.gopher_least_stop_words}")


def _lines(lines: list[str], text: str, num_words: int, rules: ProseRules) -> Broken:
    symbols = sum(map(text.count, ("#", "...", "…"))) / max(1, num_words)
    shares = (
        ("gopher_symbols", symbols, rules.gopher_most_symbols_per_word, "symbols a word (# and ...)"),
        ("gopher_bullets", _share(lines, lambda line: line.startswith(_BULLETS)),
         rules.gopher_most_bullet_lines_frac, "of lines begin with a bullet"),
        ("gopher_ellipsis", _share(lines, lambda line: line.endswith(("...", "…"))),
         rules.gopher_most_ellipsis_lines_frac, "of lines end with an ellipsis"),
        ("fineweb_short_lines", _share(lines, lambda line: len(line) < rules.fineweb_short_line_chars),
         rules.fineweb_most_short_lines_frac, f"of lines are shorter than {rules.fineweb_short_line_chars} characters"),
    )
    for name, found, most, what in shares:
        if found > most:
            yield name, f"{found:.2f} {what}; expected at most {most:g}"
    ended = _share(lines, lambda line: line.endswith(_TERMINAL))
    if ended < rules.fineweb_least_ended_lines_frac:
        yield "fineweb_ended_lines", (f"{ended:.2f} of lines end with punctuation; expected at least "
                                      f"{rules.fineweb_least_ended_lines_frac:g}")


def _share(lines: list[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, lines)) / len(lines) if lines else 0.0


def _boilerplate(text: str, rules: ProseRules) -> Broken:
    lowered = text.lower()
    if rules.c4_no_lorem_ipsum and "lorem ipsum" in lowered:
        yield "c4_lorem_ipsum", "holds 'lorem ipsum'"
    if rules.c4_no_javascript_notice and re.search(r"(?:enable|turn on|requires?) javascript", lowered):
        yield "c4_javascript", "asks to enable JavaScript"


def _code(text: str, rules: CodeRules) -> Broken:
    lines = text.split("\n")
    longest = max(map(len, lines))
    if longest > rules.starcoder_most_line_chars:
        yield "starcoder_line_chars", (f"a line of {longest:,} characters; expected at most "
                                       f"{rules.starcoder_most_line_chars:,}")
    mean = len(text) / len(lines)
    if mean > rules.starcoder_most_mean_line_chars:
        yield "starcoder_mean_line_chars", (f"{mean:.0f} characters a line; expected at most "
                                            f"{rules.starcoder_most_mean_line_chars:g}")
    alphanumeric = sum(map(str.isalnum, text)) / max(1, len(text))
    if alphanumeric < rules.starcoder_least_alphanumeric_frac:
        yield "starcoder_alphanumeric", (f"{alphanumeric:.2f} of characters are letters or digits; expected at least "
                                         f"{rules.starcoder_least_alphanumeric_frac:g}")
    if rules.no_generated and re.search(r"do not (?:edit|modify)|auto-?generated|automatically generated|@generated",
                                        "\n".join(lines[:5]).lower()):
        yield "generated", "its first lines say that it was generated"
