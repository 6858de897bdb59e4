from __future__ import annotations

import pytest

from makar.checks import load_checks
from makar.verdict import Subject

[CHECK] = load_checks(["personal_data"])


def found(text: str) -> list[tuple[str, str]]:
    verdict = CHECK.run(Subject(text, "text/plain"))
    assert verdict.passed == (not verdict.spans)
    return [(text[span.start : span.end], span.label) for span in verdict.spans]


@pytest.mark.parametrize(
    "address",
    [
        "jane.doe@gmail.com",
        "müller@web.de",
        "o'brien+x@mail.co.uk",
        "a_b-c@sub.uni.edu",
        "7@163.com",
        "JOHN@ACME-TOOLS.COM",
        "иван@почта.рф",
    ],
)
@pytest.mark.parametrize(
    "around", ["Write to {}.", "<{}>", "'{}'", "请联系{}谢谢", "\n- {}\n", "mailto:{}?subject=x", "({})"]
)
def test_email_addresses(address: str, around: str) -> None:
    assert found(around.format(address)) == [(address, "email")]


def test_the_letter_of_an_escape_is_no_part_of_an_address() -> None:
    assert found(r'"mail:\nbob@gmail.com\tor"') == [("bob@gmail.com", "email")]


@pytest.mark.parametrize(
    "text",
    [
        "bob@example.com",
        "info@example.org",
        "a@mail.example.co.uk",
        "x@host.test",
        "you@yourcompany.com",
        "user@localhost",
        "your.name@gmail.com",
        "noreply@github.com",
        "git@github.com:foo/bar.git",
        "react@18.2.0",
        "pkg@1.2.3.dev",
        "W@x.weight",
        "a@b.T",
        "@decorator.name",
        "x @ y.com is a matrix product",
        "foo@bar@",
        "a" * 65 + "@gmail.com",
    ],
)
def test_what_is_no_ones_address(text: str) -> None:
    assert found(text) == []


def test_a_sentence_glued_to_an_address() -> None:
    assert found("Ask bob@gmail.com.Then wait") == [("bob@gmail.com", "email")]


@pytest.mark.parametrize(
    "number",
    [
        "+44 20 7123 4567",
        "+1 (212) 736-5000",
        "+1-212-736-5000",
        "(212) 736-5000",
        "212-736-5000",
        "212.736.5000",
        "07912 345678",
        "020 7123 4567",
        "01224 274499",
        "06 12 34 57 78",
        "+33 6 12 34 57 78",
        "+49 171 2345678",
        "+49 (0)30 901820",
        "0171-23456780",
        "+91 98765 43217",
        "98765 43217",
        "(11) 91234-5679",
        "+55 11 91234-5679",
        "03-1234-5679",
        "090-1234-5679",
        "138 1234 5678",
        "+86 138 1234 5678",
        "0412 345 678",
        "+61 412 345 678",
        "+353 86 123 4567",
        "+380 44 123 4567",
        "0044 20 7123 4567",
        "212\u2011736\u20115000",
        "+1\u00a0212\u00a0736\u00a05000",
    ],
)
@pytest.mark.parametrize("around", ["My number is {}.", "{}", "Ring ({}) or write", "a {}, b"])
def test_telephone_numbers(number: str, around: str) -> None:
    label = [label for text, label in found(around.format(number)) if text.strip("()") == number.strip("()")]
    assert label == ["phone number"]


@pytest.mark.parametrize(
    "text",
    [
        "Phone: 0301 2345678",
        "call me at 7365000 now",
        "Tel. 212 736 5000",
        "Telefon: 030-901820",
        "电话：7365 0001",
        "fax no 44 7123 4567",
        "mobile is 5512 345 678",
    ],
)
def test_telephone_numbers_after_a_word_that_says_so(text: str) -> None:
    assert [label for _, label in found(text)] == ["phone number"]


@pytest.mark.parametrize(
    "number",
    [
        "555-0123",
        "(212) 555-0142",
        "+1 212-555-0199",
        "020 7946 0123",
        "01632 960123",
        "07700 900123",
        "123-456-7890",
        "(555) 123-4567",
        "+1 234 567 8900",
        "000-000-0000",
        "06 39 98 12 34",
        "call 1914 1918",
        "phone 2024-05-06",
    ],
)
def test_numbers_kept_for_fiction_and_placeholders(number: str) -> None:
    assert found(f"Call {number} today") == []


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "378282246310005",
        "3782 822463 10005",
        "4012888888881881",
        "6011 1111 1111 1117",
        "3530111333300000",
        "2223003122003222",
        "30569309025904",
        "6200 0000 0000 0005",
    ],
)
def test_payment_cards(number: str) -> None:
    assert found(f"Card {number}, exp 12/27") == [(number, "card number")]
    last = str((int(number[-1]) + 1) % 10)
    assert found(f"Card {number[:-1]}{last}, exp 12/27") == []


@pytest.mark.parametrize(
    "account",
    [
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "NO93 8601 1117 947",
        "FR14 2004 1010 0505 0001 3M02 606",
        "MT84MALT011000012345MTLCAST001S",
        "be68539007547034",
    ],
)
def test_ibans(account: str) -> None:
    assert found(f"Pay to {account} TODAY PLEASE") == [(account, "IBAN")]
    swapped = account[:-2] + account[-1] + account[-2] if account[-1] != account[-2] else account[:-1] + "9"
    assert found(f"Pay to {swapped} TODAY PLEASE") == []


@pytest.mark.parametrize(
    "number",
    [
        "536-90-4399",
        "AB 12 34 56 C",
        "AB123456C",
        "1 85 05 78 006 084 91",
        "2 69 05 49 588 157 80",
        "86095742719",
        "12345678Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "529.982.247-25",
        "756.9217.0769.85",
        "11010519491231002X",
        "900101-1234567",
        "811218-9876",
        "131052-308T",
        "S1234567D",
        "G1234567X",
        "M1234567K",
        "85.07.30-033.28",
        "2341 2341 2346",
        "BOXW310820HNERXN09",
        "12.345.678-5",
        "8001015009087",
        "10000000146",
    ],
)
def test_national_numbers(number: str) -> None:
    assert found(f"Her number: {number}, on file") == [(number, "national id")]


@pytest.mark.parametrize(
    "number",
    [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "078-05-1120",
        "QQ 12 34 56 C",
        "BG 12 34 56 A",
        "1 85 05 78 006 084 92",
        "86095742718",
        "12345678A",
        "RSSMRA85T10A562T",
        "529.982.247-26",
        "756.9217.0769.84",
        "110105194912310021",
        "811218-9875",
        "131052-308S",
        "S1234567E",
        "2341 2341 2347",
    ],
)
def test_numbers_whose_check_does_not_hold(number: str) -> None:
    assert found(f"Her number: {number}, on file") == []


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("Aadhaar", "234123412346"),
        ("CPF", "52998224725"),
        ("BSN", "111222333"),
        ("PESEL", "44051401359"),
        ("PAN card", "ABCPE1234F"),
        ("SSN", "536904399"),
        ("NHS number", "943 476 5919"),
        ("SIN", "123 456 782"),
    ],
)
def test_numbers_that_need_a_word_before_them(word: str, number: str) -> None:
    assert found(f"{word}: {number}.") == [(number, "national id")]
    assert found(f"Batch {number}.") == []


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.4 of 2024-05-06 12:30:45",
        "ISBN 978-3-16-148410-0 and 0671027034",
        "d41d8cd98f00b204e9800998ecf8427e",
        "3.14159265358979323846",
        "$1,234,567.89 or 1.234.567,89 EUR",
        "x = 4503599627370496",
        "at 1700000000000 ms",
        "1914-1918, 2001 2002 2003, 100 200 300 400 500",
        "192.168.0.1 and 10.0.0.255:8080",
        "550e8400-e29b-41d4-a716-446655440000",
        "7 000 000 people",
        "range(1000000, 20000000)",
        "0xdeadbeef12345678",
        "2024/01/01-2024/12/31",
        "doi:10.1234/56789012",
        "https://example.net/item/4111111111111111/2127365000",
        "Table 3: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    ],
)
def test_other_figures(text: str) -> None:
    assert found(text) == []


def test_what_is_said_after_a_number_hides_nothing() -> None:
    assert found("Card 4111 1111 1111 1111 123, or +44 20 7123 4567 12 times") == [
        ("4111 1111 1111 1111", "card number"),
        ("+44 20 7123 4567", "phone number"),
    ]


def test_a_card_right_after_a_telephone_number_hides_neither() -> None:
    both = [("+44 20 7123 4567", "phone number"), ("4111 1111 1111 1111", "card number")]
    assert found("+44 20 7123 4567 4111 1111 1111 1111") == both
    assert found("+44 20 7123 4567 12 4111 1111 1111 1111") == both


def test_an_address_inside_json_and_counts_in_the_reason() -> None:
    verdict = CHECK.run(
        Subject('{"to": "kim@gmail.com", "cc": "lee@gmail.com", "tel": "+44 20 7123 4567"}', "application/json")
    )
    assert verdict.reason == "found 2 x email, 1 x phone number"
