"""The language asked for (ISO 639-1): by script where that tells, else by py3langid among languages of the script.

Each line is judged; code, addresses, paths and lines too short to tell are left out. Fails when more than a quarter of
what could be judged is in another language; with too little to judge it abstains, which passes.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import Any

from makar.kit.errors import BadInput
from makar.verdict import Check, Span, Subject, Verdict

MIN_LETTERS = {"Latin": 50, "Cyrillic": 30, "Arabic": 30, "Devanagari": 30}  # to tell languages of one script apart
MIN_SCRIPT_LETTERS = 8
FOREIGN_FRAC = 0.25
LIKELY_FRAC = 0.15  # the asked language may be second to a near relative with at least this probability

_RANGES = (("Latin", "A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff"), ("Cyrillic", "\u0400-\u052f"),
           ("Greek", "\u0370-\u03ff\u1f00-\u1fff"), ("Arabic", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
           ("Hebrew", "\u0590-\u05ff"), ("Devanagari", "\u0900-\u097f"), ("Bengali", "\u0980-\u09ff"),
           ("Gurmukhi", "\u0a00-\u0a7f"), ("Gujarati", "\u0a80-\u0aff"), ("Odia", "\u0b00-\u0b7f"),
           ("Tamil", "\u0b80-\u0bff"), ("Telugu", "\u0c00-\u0c7f"), ("Kannada", "\u0c80-\u0cff"),
           ("Malayalam", "\u0d00-\u0d7f"), ("Sinhala", "\u0d80-\u0dff"), ("Thai", "\u0e00-\u0e7f"),
           ("Lao", "\u0e80-\u0eff"), ("Georgian", "\u10a0-\u10ff"), ("Armenian", "\u0530-\u058f"),
           ("Ethiopic", "\u1200-\u137f"), ("Khmer", "\u1780-\u17ff"), ("Burmese", "\u1000-\u109f"),
           ("Tibetan", "\u0f00-\u0fff"), ("Kana", "\u3040-\u30ff\uff66-\uff9f"), ("Han", "\u3400-\u9fff"),
           ("Hangul", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"))
_OF_SCRIPT = {
    "Cyrillic": "be bg kk ky mk mn ru sr uk", "Arabic": "ar fa ps ug ur", "Devanagari": "hi mr ne", "Greek": "el",
    "Hebrew": "he", "Bengali": "as bn", "Gurmukhi": "pa", "Gujarati": "gu", "Odia": "or", "Tamil": "ta", "Telugu": "te",
    "Kannada": "kn", "Malayalam": "ml", "Sinhala": "si", "Thai": "th", "Lao": "lo", "Georgian": "ka", "Armenian": "hy",
    "Ethiopic": "am", "Khmer": "km", "Burmese": "my", "Tibetan": "dz", "Kana": "ja", "Han": "zh ja", "Hangul": "ko"}
# Close enough that a paragraph is not condemned for being taken for the other.
_RELATIVES = tuple(map(str.split, ("no nb nn da", "hr bs sr", "id ms", "cs sk", "gl pt", "es gl", "xh zu", "hi mr ne",
                                   "bg mk", "af nl", "fa ps ur")))
_SKIPPED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|<[^<>\n]{1,200}>|\$\$.*?\$\$|(?<!\S)[^\s_/\\@`<$]*+[_/\\@]\S*",
                      re.DOTALL)
_PARAGRAPH = re.compile(r"\S(?:.*\S)?")  # one line each: lists and verse are judged line by line, prose by paragraph


@functools.cache
def _letters() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((script, re.compile(f"[{characters}]+")) for script, characters in _RANGES)


@functools.cache
def _identifier(languages: tuple[str, ...]) -> Any:
    # Loaded when first needed: it reads a file and brings numpy.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([label for label in identifier.labels if label in languages])
    return identifier


@functools.cache
def _known() -> frozenset[str]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return frozenset(label for label in LanguageIdentifier.from_model_file(MODEL_FILE).labels if len(label) == 2)


def _script(language: str) -> str:
    return next((script for script, languages in _OF_SCRIPT.items() if language in languages.split()), "Latin")


def _fits(text: str, language: str) -> bool | None:
    """Whether the text is in the language; None when there is too little of it to tell."""
    counts = Counter({script: sum(map(len, form.findall(text))) for script, form in _letters()})
    total = counts.total()
    if total < MIN_SCRIPT_LETTERS:
        return None
    script = _script(language)
    if language in ("zh", "ja", "ko"):
        return _fits_east_asian(counts, language, total)
    if counts[script] < total / 2 and not (language == "sr" and counts["Latin"] > total / 2):
        return False
    rivals = tuple(_OF_SCRIPT[script].split()) if script in _OF_SCRIPT else _latin_languages()
    if len(rivals) < 2 or language not in rivals:
        return True
    if counts[script] < MIN_LETTERS.get(script, 30):
        return None
    ranked = _identifier(rivals).rank(text)
    relatives = {other for group in _RELATIVES if language in group for other in group}
    return bool(ranked[0][0] == language or ranked[0][0] in relatives
                or dict(ranked).get(language, 0.0) >= LIKELY_FRAC)


def _fits_east_asian(counts: Counter[str], language: str, total: int) -> bool:
    east = counts["Han"] + counts["Kana"] + counts["Hangul"]
    # One Han character says what several Latin letters do, so names in Latin letters weigh less.
    if east * 3 < counts["Latin"] or east < (total - counts["Latin"]) / 2:
        return False
    if language == "ko":
        return counts["Hangul"] > east / 2
    if language == "ja":
        return counts["Kana"] > east / 20 or (counts["Hangul"] == 0 and east < 8)
    return counts["Kana"] <= east / 20 and counts["Hangul"] <= east / 20


@functools.cache
def _latin_languages() -> tuple[str, ...]:
    elsewhere = {language for languages in _OF_SCRIPT.values() for language in languages.split()}
    # Rare in what is generated, and the usual mistake on short lines of the great languages.
    rare = {"la", "vo", "wa", "an", "br", "ht", "jv", "ku", "lb", "mg", "oc", "qu", "rw", "se", "xh", "zu", "fo"}
    return tuple(sorted(_known() - elsewhere - rare))


def _run(subject: Subject) -> Verdict:
    language = str(subject.asked["language"]).lower().replace("_", "-").split("-")[0]
    if language not in _known():
        raise BadInput(f"language '{subject.asked['language']}': expected one of {', '.join(sorted(_known()))}")
    text = _SKIPPED.sub(lambda match: " " * len(match[0]), subject.text)
    judged = [(match.span(), fit, match.end() - match.start()) for match in _PARAGRAPH.finditer(text)
              if (fit := _fits(match[0], language)) is not None]
    if not judged:  # no line is long enough on its own: all lines together may be
        fit = _fits(text, language)
        if fit is None:
            return Verdict("language", True, 1.0, f"too little text to tell whether it is '{language}'")
        judged = [((0, len(text)), fit, len(text))]
    total = sum(num_chars for _, _, num_chars in judged)
    foreign = [span for span, fit, _ in judged if not fit]
    share = sum(end - start for start, end in foreign) / total
    if share <= FOREIGN_FRAC:
        return Verdict("language", True, 1.0 - share, f"'{language}' as asked")
    return Verdict("language", False, 1.0 - share, f"{share:.0%} of the text is not '{language}'",
                   tuple(Span(start, end, f"not '{language}'") for start, end in foreign))


CHECK = Check("language", _run, ("text/",), asked="language", limit_s=20.0)
