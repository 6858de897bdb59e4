"""Telephone numbers: international with an allotted country code, common national ways of writing, or after a word
such as "phone". Numbers kept for fiction (555-0100 to 0199, Ofcom's and ARCEP's drama ranges) are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from makar.kit.span import Span
from makar.patterns.numbers import AFTER, BEFORE, Kind, kind

_SEP = r"[ .\-/\u00a0\u202f\u2010\u2011\u2013]"
_GAP = re.compile(rf"{_SEP}+(?=[(0-9])")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_DATE = re.compile(r"(?:1[5-9]|20)[0-9]{2}(?:[\-/. ](?:0?[1-9]|1[0-2])[\-/. ](?:0?[1-9]|[12][0-9]|3[01])"
                   r"|[ \-/\u2013](?:1[5-9]|20)[0-9]{2})(?![0-9])|(?:0?[1-9]|[12][0-9]|3[01])[\-/. ]"
                   r"(?:0?[1-9]|1[0-2])[\-/. ](?:1[5-9]|20)[0-9]{2}(?![0-9])")
_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\+|(?<!\d[ .\-])00(?=[1-9]))\(?[1-9](?>[0-9]{{0,2}}\)?)"
    rf"(?>(?:{_SEP}{{0,2}}[()]?{_SEP}?[0-9]){{5,14}})(?![A-Za-z%]|[.,][0-9])")
_IN_BRACKETS = re.compile(BEFORE + r"(?:1[ \-])?\((?>[0-9]{2,5})\)(?>" + _SEP + r"{0,2}[0-9]{3,8})(?>[ \-][0-9]{4})?"
                          + AFTER)
_NAMED = re.compile(
    r"(?:(?i:(?<![^\W_])(?:phone|telephone|tel|cell|cellphone|mobile|fax|whatsapp|sms|hotline|helpline|"
    r"(?:call|ring|text|dial|reach)(?: (?:me|us|him|her|them|it))?(?: (?:at|on))?|téléphone|tél|portable|telefon|"
    r"handy|mobil|teléfono|móvil|telefono|cellulare|telefone|celular|telefoon|телефон|тел)(?![^\W_])"
    r"(?: ?(?:number|no|nummer|nr|número|numero|num)(?![^\W_]))?(?>(?: is(?= )| ist(?= )| est(?= )| es(?= )|"
    r"[ :.#=\-\"'*])*))|(?:电话|手机|電話|携帯|联系方式|전화|휴대폰)(?:号码|番号|번호)?[:：は是 ]*)"
    rf"(?P<number>\(?[0-9](?>(?:{_SEP}?[()]?{_SEP}?[0-9]){{6,14}}))(?![\w%]|[,:][0-9])")


def _national(heads: str, pattern: str) -> Kind:
    return kind("phone number", heads, pattern.replace("~", _SEP), lambda number: not _nobodys(number))


KINDS = (
    kind("phone number", "3 1", rf"(?:1{_SEP})?[2-9][0-9]{{2}}([.\-\u2010\u2011])[2-9][0-9]{{2}}\1[0-9]{{4}}",
         lambda number: _north_american(number[-10:]) and not _nobodys(number)),
    _national("5 11", r"07[0-9]{3}~?[0-9]{6}|07[0-9]{3}~[0-9]{3}~[0-9]{3}|01[0-9]{3}~[0-9]{6}"),  # United Kingdom
    _national("3 4", r"02[0-9]~[0-9]{4}~[0-9]{4}|01[0-9]1~[0-9]{3}~[0-9]{4}"),
    _national("2", r"0[1-9]([ .\-\u00a0\u202f])[0-9]{2}\1[0-9]{2}\1[0-9]{2}\1[0-9]{2}"),  # France
    _national("4 5", r"01[567][0-9]{1,2}[ /\-][0-9]{7,8}"),  # Germany, mobile
    _national("3 4 5", r"0[2-9][0-9]{1,3}/[0-9]{5,8}"),
    _national("5", r"[6-9][0-9]{4}[ \-][0-9]{5}"),  # India
    _national("3", r"0[5789]0-[0-9]{4}-[0-9]{4}"),  # Japan, Korea
    _national("2 3 4", r"0[1-9]-[0-9]{4}-[0-9]{4}|0[1-9][0-9]-[0-9]{3,4}-[0-9]{4}|0[1-9][0-9]{2}-[0-9]{2}-[0-9]{4}"),
    _national("3", r"1[3-9][0-9]([ \-])[0-9]{4}\1[0-9]{4}"),  # China
    _national("4", r"04[0-9]{2} [0-9]{3} [0-9]{3}"),  # Australia
)

_FICTION = re.compile(
    r"(?:1?[2-9][0-9]{2})?55501[0-9]{2}$|(?:44|0)(?:1632960|2079460|7700900|1134960|1144960|1154960|1164960|1174960|"
    r"1184960|1214960|1314960|1414960|1514960|1614960|1914980|8081570|9098790|3069990|2890180|2920180)[0-9]{3}$"
    r"|(?:33|0)(?:1990|2619|3530|4652|5364|63998|6399)[0-9]+$|(?:61|0)(?:491570|491571|[2378]5550|[2378]7010)[0-9]+$"
    r"|(?:49|0)(?:3023125|6990009|4066969|2214710|8999998|171392|1715019|1722890|1523456)[0-9]*$")
_ONE_DIGIT_CODES = "17"
_TWO_DIGIT_CODES = ("20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 "
                    "66 81 82 84 86 90 91 92 93 94 95 98")
_UNALLOTTED = ("210 214 215 217 219 259 28 83 89 384 388 39 422 424 425 426 427 428 429 693 694 695 696 697 698 699 "
               "801 802 803 804 805 806 807 809 851 854 857 858 859 871 872 873 874 875 876 877 884 885 887 889 969 "
               "978 990 997 999")
# National digits after the country code, where the plan is narrower than the 6 to 12 allowed elsewhere.
_NATIONAL_DIGITS = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9), "32": (8, 9), "33": (9, 9),
    "34": (9, 9), "36": (8, 9), "39": (6, 11), "40": (9, 9), "41": (9, 9), "43": (6, 13), "44": (9, 10), "45": (8, 8),
    "46": (7, 10), "47": (8, 8), "48": (9, 9), "49": (6, 13), "51": (8, 9), "52": (10, 11), "54": (10, 11),
    "55": (10, 11), "56": (9, 9), "57": (8, 10), "58": (10, 10), "60": (8, 10), "61": (9, 9), "62": (8, 12),
    "63": (8, 10), "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10), "82": (8, 10), "84": (9, 10),
    "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10), "94": (9, 9), "98": (10, 10), "351": (9, 9),
    "353": (7, 9), "358": (6, 11), "380": (9, 9), "420": (9, 9), "852": (8, 8), "886": (8, 9), "971": (8, 9),
    "972": (8, 9)}


def find_phones(text: str) -> Iterator[Span]:
    """Telephone numbers known by their plus sign, brackets, or the word before them (the rest are KINDS)."""
    for match in _INTERNATIONAL.finditer(text):
        cut = text[match.end():match.end() + 1].isdecimal()  # another number follows, and its beginning was read along
        length = _international_chars(match[0], whole=not cut)
        if length:
            yield Span(match.start(), match.start() + length, "phone number")
    for match in _IN_BRACKETS.finditer(text):
        if _bracketed(_NOT_DIGIT.sub("", match[0][match[0].index("("):])):
            yield Span(match.start(), match.end(), "phone number")
    for match in _NAMED.finditer(text):
        if not _nobodys(_NOT_DIGIT.sub("", match["number"])) and not _DATE.match(match["number"]):
            yield Span(match.start("number"), match.end("number"), "phone number")


def _international_chars(written: str, *, whole: bool) -> int:
    """How much of this is a number: what is said after it (an extension, a year) may have been read along.

    whole: all of it may be the number
    """
    if not written.startswith("+") and written.isdigit():
        return 0
    ends = [*([len(written)] if whole else []), *(match.start() for match in reversed([*_GAP.finditer(written)]))]
    for end in ends:
        number = _NOT_DIGIT.sub("", written[:end]).removeprefix("00")
        if len(number) >= 7 and _allotted(number):
            return 0 if _nobodys(number) else end
    return 0


def _bracketed(number: str) -> bool:
    """An area in brackets: North America's ten digits, or a trunk 0 (British, German, Australian), or Brazil's."""
    if _nobodys(number):
        return False
    brazilian = len(number) in (10, 11) and number[0] != "0" and number[1] != "0"
    return (9 <= len(number) <= 12) if number[0] == "0" else brazilian and (len(number) == 11 or _north_american(number)
                                                                            or number[2] in "2345")


def _allotted(number: str) -> bool:
    """A country code that ITU-T E.164 has given out, with as many digits after it as that country uses."""
    if number[0] in _ONE_DIGIT_CODES:
        code = number[0]
    elif number[:2] in _TWO_DIGIT_CODES.split():
        code = number[:2]
    else:
        code = number[:3]
        if code in _UNALLOTTED.split() or code[:2] in _UNALLOTTED.split():
            return False
    low, high = _NATIONAL_DIGITS.get(code, (6, 12))
    national = number[len(code):]
    if code not in ("1", "39") and len(national) > high and national.startswith("0"):
        national = national[1:]  # +44 (0)20 ...
    return low <= len(national) <= high and (code != "1" or _north_american(national))


def _north_american(ten: str) -> bool:
    """Area and exchange that can exist: neither begins with 0 or 1 nor is N11; 555 is no area."""
    area, exchange = ten[:3], ten[3:6]
    return (area[0] not in "01" and exchange[0] not in "01" and not area.endswith("11") and not exchange.endswith("11")
            and area[1] != "9" and area != "555")


def _nobodys(number: str) -> bool:
    """Kept for fiction, or counting up, or one digit over and over: a placeholder."""
    tail, american = number[-7:], number.removeprefix("1") if len(number) == 11 else number
    return (_FICTION.search(number) is not None or len(set(tail)) <= 2 or tail in "9876543210"
            or number in "01234567890123456789" or number.lstrip("01+").startswith(("2345678", "123456"))
            or (len(american) == 10 and american.startswith("555")))
