"""Cards, bank accounts and national numbers: how each is written, and what proves it is one.

Every number begins with a head, its first run of letters and digits. The head's shape (`AA99` for GB82) says which
kinds it can be, so that a text is read once however many kinds there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from makar.checks import _check_digits as digits
from makar.verdict import Span

SEPARATOR = r"[ \-\u00a0\u202f\u2010\u2011\u2013]"
CONTEXT_CHARS = 60  # how far before a number a word may say what it is
BEFORE, AFTER = r"(?<![\w.\-/+#=$€£:@])(?<!\d,)", r"(?![\w\-/]|[.,:]\d|\.\w)"
_HEAD = re.compile(BEFORE + r"(?>[A-Za-z]{0,6}[0-9][0-9A-Za-z]{0,33}|[A-Z]{2,3}(?= [A-Z0-9]{2})|[XYZ](?=-[0-9]))")
_SHAPE = str.maketrans("012345678ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "9" * 9 + "A" * 52)
_NOT_ALNUM = re.compile(r"[^0-9A-Za-zÑñ]+")


@dataclass(frozen=True)
class Kind:
    """One kind of number. Where many numbers look alike, `context` must stand shortly before it.

    heads: shapes of the head that it can have; `#16` is any head of that length
    """

    label: str
    heads: tuple[str, ...]
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    context: re.Pattern[str] | None = None


def by_head(kinds: Iterable[Kind]) -> Mapping[str, tuple[Kind, ...]]:
    """The kinds that each shape of head can be."""
    table: dict[str, tuple[Kind, ...]] = {}
    for kind in kinds:
        for head in kind.heads:
            table[head] = (*table.get(head, ()), kind)
    return table


def find_numbers(text: str, table: Mapping[str, tuple[Kind, ...]]) -> Iterator[Span]:
    """Every number of the kinds in `table` that is valid."""
    for head in _HEAD.finditer(text):
        shape, start = head[0].translate(_SHAPE), head.start()
        if shape.startswith("AA99"):
            yield from _iban_at(text, start)
        for kind in (*table.get(shape, ()), *table.get(f"#{len(shape)}", ())):
            match = kind.pattern.match(text, start)
            if (match and kind.valid(_NOT_ALNUM.sub("", match[0]).upper())
                    and (kind.context is None or kind.context.search(text, max(0, start - CONTEXT_CHARS), start))):
                yield Span(start, match.end(), kind.label)


def kind(label: str, heads: str, pattern: str, valid: Callable[[str], bool], context: str | None = None) -> Kind:
    """A kind whose `heads` are written `4 a2d2 #16` (4 digits; 2 letters, 2 digits; any 16); `~` is a separator."""
    words = re.compile(rf"(?i)(?<![^\W_])(?:{context})(?![^\W_])") if context else None
    return Kind(label, tuple(map(_spell, heads.split())),
                re.compile(f"(?:{pattern.replace('~', SEPARATOR)}){AFTER}"), valid, words)


def _spell(head: str) -> str:
    if head.startswith("#"):
        return head
    parts = re.findall(r"([ad]?)([0-9]+)", head)
    return "".join(("A" if letter == "a" else "9") * int(count) for letter, count in parts)


def card_number(number: str) -> bool:
    """An issuer's prefix with its lengths, and Luhn.

    Source: ISO/IEC 7812-1; ranges as published by the schemes
    """
    if len(set(number)) < 2 or not digits.luhn(number):
        return False
    six, length = int(number[:6]), len(number)
    return any(low <= six <= high and length in lengths for low, high, lengths in _ISSUERS)


_ISSUERS = (
    (400000, 499999, (13, 16, 19)), (510000, 559999, (16,)), (222100, 272099, (16,)), (340000, 349999, (15,)),
    (370000, 379999, (15,)), (601100, 601199, (16, 19)), (644000, 659999, (16, 19)), (622126, 622925, (16, 17, 18, 19)),
    (300000, 305999, (14,)), (309500, 309599, (14,)), (360000, 369999, (14,)), (380000, 399999, (14,)),
    (352800, 358999, (16, 17, 18, 19)), (620000, 629999, (16, 17, 18, 19)), (500000, 509999, (16, 19)),
    (560000, 589999, (16, 19)), (630000, 639999, (16, 19)), (670000, 679999, (16, 19)), (220000, 220499, (16,)),
)
_COUNTRY_CHARS = (
    "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 "
    "EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 "
    "IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MN:20 MR:27 "
    "MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 SA:24 SC:31 SD:18 SE:24 "
    "SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20 YE:30")
_IBAN_CHARS = dict(pair.split(":") for pair in _COUNTRY_CHARS.split())
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?>(?:[ \-\u00a0\u202f]?[A-Z0-9]){11,30})|[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}")


def _iban_at(text: str, start: int) -> Iterator[Span]:
    """Country, its length and mod 97. What is written after the account in the same breath is cut off by the length."""
    match = _IBAN.match(text, start)
    length = int(_IBAN_CHARS.get(match[0][:2].upper(), 0)) if match else 0
    if match and length:
        places = [place for place, character in enumerate(match[0]) if character.isalnum()][:length]
        end = start + places[-1] + 1
        if (len(places) == length and not text[end:end + 1].isalnum()
                and digits.mod97("".join(match[0][place] for place in places).upper())):
            yield Span(start, end, "IBAN")


_card = partial(kind, "card number", valid=card_number)
_id = partial(kind, "national id")

KINDS = (
    _card("4", r"(?>[0-9]{4})(~)(?>[0-9]{4})\1(?>[0-9]{4})\1[0-9]{4}"),
    _card("4", r"[0-9]{4}(~)[0-9]{4}\1[0-9]{4}\1[0-9]{4}\1[0-9]{3}"),
    _card("4", r"3[47][0-9]{2}(~)[0-9]{6}\1[0-9]{5}|3[0689][0-9]{2}(~)[0-9]{6}\2[0-9]{4}"),
    _card("14 15 16", r"[2-6][0-9]{13,15}"),
    _card("13 17 18 19", r"[2-6][0-9]{12,18}", context="card|visa|mastercard|maestro|unionpay|debit|credit|pan"),
    _id("3", r"[0-8][0-9]{2}[\-\u2010\u2011\u2013][0-9]{2}[\-\u2010\u2011\u2013][0-9]{4}", digits.us_ssn),
    _id("9 3", r"[0-8][0-9]{2} ?[0-9]{2} ?[0-9]{4}", digits.us_ssn, r"ssn|social[ -]security(?:[ -](?:number|no))?"),
    _id("a2d6a1 a2d2 a2d6 a2", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]~?[0-9]{2}~?[0-9]{2}~?[0-9]{2}~?[A-D]",
        digits.uk_nino),
    _id("15 13 1 3 5 d6a1d8 d6a1d6", r"[12]~?[0-9]{2}~?(?:0[1-9]|1[0-2]|[2-9][0-9])~?(?:2[ABab]|[0-9]{2})~?[0-9]{3}~?"
        r"[0-9]{3}~?[0-9]{2}", digits.french_nir),
    _id("11 2", r"[1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}", digits.german_tax_id),
    _id("d8a1 8 2 a1d7a1 a1d7 a1", r"(?:[0-9]{8}|[0-9]{2}\.[0-9]{3}\.[0-9]{3}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z]",
        digits.spanish_dni),
    _id("#16 a3", r"(?i:[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z])",
        digits.italian_codice),
    _id("4", r"[2-9][0-9]{3}(~)[0-9]{4}\1[0-9]{4}(?!~[0-9]{4})", digits.aadhaar),
    _id("12", r"[2-9][0-9]{11}", digits.aadhaar, "aadhaar|aadhar|uidai|uid"),
    _id("a5d4a1", r"[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]", bool, r"pan(?:[ -](?:card|number|no))?"),
    _id("3", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", digits.brazilian_cpf),
    _id("11", r"[0-9]{11}", digits.brazilian_cpf, "cpf"),
    _id("9 4", r"[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}", digits.dutch_bsn, "bsn|burgerservicenummer|sofinummer"),
    _id("11", r"[0-9]{11}", digits.polish_pesel, "pesel"),
    _id("6 8", r"(?:19|20)?[0-9]{6}[\-+][0-9]{4}", digits.swedish_personnummer),
    _id("d6a1d4 d6a1d3a1", r"[0-3][0-9][01][0-9]{3}[A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", digits.finnish_hetu),
    _id("6", r"[0-3][0-9][01][0-9]{3}[\-+][0-9]{3}[0-9A-FHJ-NPR-Y]",
        lambda text: digits.finnish_hetu(f"{text[:6]}-{text[6:]}")),
    _id("11 6", r"[0-7][0-9][0-5][0-9]{3} ?[0-9]{5}", digits.norwegian_fnr),
    _id("2", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", digits.belgian_rrn),
    _id("3", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", digits.swiss_ahv),
    _id("18 d17a1", r"[1-8][0-9]{5}(?:18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx]", digits.chinese_id),
    _id("6", r"[0-9]{6}-[1-8][0-9]{6}", digits.korean_rrn),
    _id("11", r"[1-9][0-9]{10}", digits.turkish_tckn),
    _id("13 6", r"[0-9]{6} ?[0-9]{4} ?[01][89][0-9]", digits.south_african_id),
    _id("a1d7a1", r"[STFGM][0-9]{7}[A-Z]", digits.singapore_nric),
    _id("1 2", r"[1-9][0-9]?\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", digits.chilean_rut),
    _id("#18", r"[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]", digits.mexican_curp),
    _id("10 3", r"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}", digits.nhs_number, r"nhs(?:[ -](?:number|no))?"),
    _id("9 3", r"[1-79][0-9]{2}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", digits.luhn, r"sin|social insurance(?: number)?"),
)
