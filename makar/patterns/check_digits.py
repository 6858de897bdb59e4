"""Check digits: what tells a number of some kind from any other digits. Pure functions of the bare characters."""

from __future__ import annotations

from datetime import date

_VERHOEFF_PRODUCT = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
                     "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")
_VERHOEFF_TURN = ("0123456789", "1576283094", "5803796142", "8916043527",
                  "9453126870", "4286573901", "2793806415", "7046913258")
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CODICE_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_HETU_LETTERS = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def luhn(digits: str) -> bool:
    """ISO/IEC 7812 mod 10, the check of payment cards."""
    total = sum(int(digit) for digit in digits[-1::-2])
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


def verhoeff(digits: str) -> bool:
    """The dihedral check of Aadhaar."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = int(_VERHOEFF_PRODUCT[state][int(_VERHOEFF_TURN[place % 8][int(digit)])])
    return state == 0


def mod97(characters: str) -> bool:
    """ISO 7064 mod 97-10 of an IBAN, country and key first."""
    turned = characters[4:] + characters[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def weighted(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    """Sum of digit times weight, modulo `modulus`."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there was such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _short_date(yymmdd: str) -> bool:
    year, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    return is_date(2000 + year, month, day) or is_date(1900 + year, month, day)


def us_ssn(digits: str) -> bool:
    """Areas 000, 666 and 9xx, group 00 and serial 0000 were never issued; two numbers were burnt in advertisements."""
    return (digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
            and digits not in ("078051120", "219099999"))


def uk_nino(characters: str) -> bool:
    """Prefixes that are never allotted (QQ is the one of examples)."""
    return characters[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")


def french_nir(characters: str) -> bool:
    """Key of two digits: 97 minus the number modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    number = characters[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(characters[13:])


def german_tax_id(digits: str) -> bool:
    """ISO 7064 mod 11,10, and exactly one of the first ten digits comes twice or three times."""
    counts = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    if digits[0] == "0" or counts[0] not in (2, 3) or (len(counts) > 1 and counts[1] > 1):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def spanish_dni(characters: str) -> bool:
    """DNI and NIE: the letter is the number modulo 23; X, Y, Z in front count as 0, 1, 2."""
    number = characters[:-1].translate(str.maketrans("XYZ", "012"))
    return int(number) > 0 and _DNI_LETTERS[int(number) % 23] == characters[-1]


def italian_codice(characters: str) -> bool:
    """Letter 16: odd places through a table, even places at face value, modulo 26."""
    values = [int(character) if character.isdigit() else ord(character) - 65 for character in characters]
    total = sum(_CODICE_ODD[value] for value in values[0:15:2]) + sum(values[1:15:2])
    return total % 26 == values[15]


def brazilian_cpf(digits: str) -> bool:
    """Two check digits, weights falling to 2."""
    if len(set(digits)) == 1:
        return False
    first = weighted(digits, tuple(range(10, 1, -1)), 11)
    second = weighted(digits, tuple(range(11, 1, -1)), 11)
    return [0 if rest < 2 else 11 - rest for rest in (first, second)] == [int(digits[9]), int(digits[10])]


def aadhaar(digits: str) -> bool:
    """First digit 2 to 9, Verhoeff, no palindrome."""
    return digits[0] not in "01" and digits != digits[::-1] and verhoeff(digits)


def dutch_bsn(digits: str) -> bool:
    """The elevens test, last weight -1."""
    return int(digits) > 0 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0


def polish_pesel(digits: str) -> bool:
    """Weights 1 3 7 9; the century is in the month."""
    month = int(digits[2:4]) % 20
    return (weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0 and 1 <= month <= 12
            and 1 <= int(digits[4:6]) <= 31)


def swedish_personnummer(digits: str) -> bool:
    """The last ten digits pass Luhn and begin with a date."""
    return luhn(digits[-10:]) and _short_date(digits[-10:-4])


def finnish_hetu(characters: str) -> bool:
    """Date and serial modulo 31 give the last character."""
    number = int(characters[:6] + characters[7:10])
    return _HETU_LETTERS[number % 31] == characters[10] and _short_date(characters[4:6] + characters[2:4]
                                                                         + characters[:2])


def norwegian_fnr(digits: str) -> bool:
    """Two check digits modulo 11."""
    return (weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), 11) == 0
            and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), 11) == 0
            and _short_date(digits[4:6] + digits[2:4] + f"{int(digits[:2]) % 40:02}"))


def belgian_rrn(digits: str) -> bool:
    """97 minus the number modulo 97; births since 2000 have a 2 in front."""
    key = int(digits[9:])
    return key in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)


def swiss_ahv(digits: str) -> bool:
    """EAN-13 over a number that begins with 756."""
    return weighted(digits, (1, 3) * 6 + (1,), 10) == 0


def chinese_id(characters: str) -> bool:
    """GB 11643: date of birth inside, ISO 7064 mod 11-2 at the end."""
    weights = tuple(pow(2, 17 - place, 11) for place in range(17))
    check = "10X98765432"[weighted(characters[:17], weights, 11)]
    return check == characters[17] and is_date(int(characters[6:10]), int(characters[10:12]), int(characters[12:14]))


def korean_rrn(digits: str) -> bool:
    """A date of birth and, for numbers given before late 2020, a check digit; newer ones have none."""
    return _short_date(digits[:6])


def turkish_tckn(digits: str) -> bool:
    """Two check digits over alternating sums."""
    odd, even = (sum(int(digit) for digit in digits[start:9:2]) for start in (0, 1))
    return (odd * 7 - even) % 10 == int(digits[9]) and sum(int(digit) for digit in digits[:10]) % 10 == int(digits[10])


def south_african_id(digits: str) -> bool:
    """Luhn, a date of birth, citizenship 0 or 1."""
    return luhn(digits) and _short_date(digits[:6]) and digits[10] in "01"


def singapore_nric(characters: str) -> bool:
    """Weighted letter; T and G series are shifted by 4, M by 3."""
    rest = (weighted(characters[1:8], (2, 7, 6, 5, 4, 3, 2), 11) + {"T": 4, "G": 4, "M": 3}.get(characters[0], 0)) % 11
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(characters[0], "XWUTRQPNMLK")
    return letters[rest] == characters[8]


def chilean_rut(characters: str) -> bool:
    """Modulo 11 with weights 2 to 7 from the right; K stands for 10."""
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(characters[:-1])))
    return "0K987654321"[total % 11] == characters[-1]


def mexican_curp(characters: str) -> bool:
    """Base 37 with N-tilde, weights 18 down to 2."""
    values = ["0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ".index(character) for character in characters[:17]]
    total = sum(value * (18 - place) for place, value in enumerate(values))
    return characters[17] == str(-total % 10)


def nhs_number(digits: str) -> bool:
    """Weights 10 to 2, modulo 11."""
    rest = 11 - weighted(digits, tuple(range(10, 1, -1)), 11)
    return (0 if rest == 11 else rest) == int(digits[9])
