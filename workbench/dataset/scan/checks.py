"""Whether what a pattern found is what it looks like: check digits, ranges, and where exactly the secret stands.

Each check gets the text as UTF-8 and the span of the find; it returns the span that counts, or None for a look-alike.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable

Span = tuple[int, int]
Check = Callable[[bytes, int, int], Span | None]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _digits(data: bytes) -> str:
    return "".join(chr(byte) for byte in data if 48 <= byte <= 57)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit that Luhn's rule gives (payment cards)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod_97(text: str) -> int:
    """A text of letters and digits modulo 97, letters counting as 10 to 35 (ISO 7064, as IBANs use it)."""
    return int("".join(str(int(char, 36)) for char in text)) % 97


def has_digit(data: bytes, start: int, end: int) -> Span | None:
    """A key has a digit; words with hyphens between them have none."""
    return (start, end) if any(48 <= byte <= 57 for byte in data[start:end]) else None


_VALUE = re.compile(rb"[A-Za-z0-9_./+!@#%^&*~=-]+$")
_LEAST_BITS = 3.0  # of entropy a character: `aaaaaaaaaa1` has less, ten different characters have 3.3


def named(data: bytes, start: int, end: int) -> Span | None:
    """The value behind a name such as `api_key`: letters and digits mixed at random, no word, path or reference."""
    value = _VALUE.search(data, start, end)
    if value is None:
        return None
    first = value.start()
    name = re.compile(rb"[:=]{1,2}>?").search(data, start, end)
    if name is not None and first < name.end():
        first = name.end()
    while end > first and data[end - 1] in b".,!":
        end -= 1
    text = data[first:end]
    counts = [text.count(bytes((byte,))) for byte in set(text)]
    bits = -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
    mixed = any(48 <= byte <= 57 for byte in text) and text.lower() != text.upper()
    url = b"://" in text or data[end : end + 1] in (b"(", b"[") or text.startswith((b"/", b"./"))
    return (first, end) if len(text) >= 10 and mixed and bits >= _LEAST_BITS and not url else None


def aws_key(data: bytes, start: int, end: int) -> Span | None:
    """An access key has 20 characters; words in capitals have no digit, and other lengths need one to be believed."""
    usual = end - start == 20 and data.startswith((b"AKIA", b"ABIA"), start)
    return (start, end) if usual else has_digit(data, start, end)


def last_40(data: bytes, start: int, end: int) -> Span | None:
    """The value behind its name."""
    return has_digit(data, end - 40, end)


def after_space(data: bytes, start: int, end: int) -> Span | None:
    """What stands behind the last space."""
    return data.rindex(b" ", start, end) + 1, end


def bearer(data: bytes, start: int, end: int) -> Span | None:
    """The token; "bearer of long-standing-responsibilities" is none."""
    return has_digit(data, data.rindex(b" ", start, end) + 1, end)


_END = re.compile(rb"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")


def private_key(data: bytes, start: int, end: int) -> Span | None:
    """From the first line to the last, or to the end of the text where the last is missing but the key is not."""
    last = _END.search(data, end)
    if last is not None:
        return start, last.end()
    body = re.compile(rb"(?:[A-Za-z0-9+/=:,. -]|\\?[\r\n]|\\[nr])*").match(data, end)
    return start, body.end() if body is not None else end


def azure_key(data: bytes, start: int, end: int) -> Span | None:
    """The key behind its name; a key with the mark of Azure's new ones is taken from its beginning."""
    found = data[start:end]
    if found.startswith(b"JQQJ99"):
        first = start
        while first and data[first - 1 : first].isalnum():
            first -= 1
        return (first, end) if start - first >= 20 else None
    if b"Q~" in found[:6]:
        return start, end
    if b"=" in found[:24]:
        return data.index(b"=", start) + 1, end
    return end - 32, end


_WILD = re.compile(rb"(?i)x+|\.+|pass(?:word)?_?here|your[-_]?pass(?:word)?")


def connection_string(data: bytes, start: int, end: int) -> Span | None:
    """From the scheme on; a password that only holds a place (`xxx`, `YOUR_PASSWORD`) is none."""
    while data[end - 1] in b".,)":
        end -= 1
    found = data[start:end]
    if found.startswith(b"://"):
        password = found[3:].rpartition(b"@")[0].rpartition(b":")[2]
        first = start
        while first and (data[first - 1 : first].isalnum() or data[first - 1 : first] in (b"+", b"-", b".")):
            first -= 1
        return None if first == start or _WILD.fullmatch(password) else (first, end)
    password = found.rpartition(b"=")[2]
    return None if _WILD.fullmatch(password) else (start, end)


# Endings of file names that an `@` may stand in (`icon@2x.png`); none is a top-level domain that people write from.
_FILE_ENDINGS = _words(
    "png jpg jpeg gif webp svg ico bmp css scss less js mjs cjs jsx ts tsx json html htm xml yml yaml toml txt md "
    "service socket timer target mount py rb java class jar min map lock log"
)


def email(data: bytes, start: int, end: int) -> Span | None:
    """An address that a person may have: no file name, no Git remote, no decorated call."""
    while data[start : start + 1] in (b".", b"-", b"%", b"+"):
        start += 1
    local, _, domain = data[start:end].partition(b"@")
    labels = domain.split(b".")
    if not 1 <= len(local) <= 64 or local.endswith(b".") or b".." in local:
        return None
    if any(not label or label.startswith(b"-") or label.endswith(b"-") for label in labels):
        return None
    if labels[-1].decode("ascii").lower() in _FILE_ENDINGS or data[end : end + 1] == b"(":
        return None
    if local == b"git" and data[end : end + 1] in (b":", b"/"):
        return None
    return start, end


# Characters of an IBAN by country (ISO 13616 registry, release 98 of 2024).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def iban(data: bytes, start: int, end: int) -> Span | None:
    """As long as its country's are, and 1 modulo 97."""
    length = _IBAN_LENGTHS.get(data[start : start + 2].decode("ascii"))
    if length is None:
        return None
    kept, position = "", start
    while position < end and len(kept) < length:
        if data[position] != 32:
            kept += chr(data[position])
        position += 1
    if len(kept) < length or mod_97(kept[4:] + kept[:4]) != 1:
        return None
    return start, position


# Country codes of ITU-T E.164: all of one digit, those of two digits, and the first two digits of the rest.
_TWO = _words(
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98"
)
_THREE = _words("21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99")


def phone(data: bytes, start: int, end: int) -> Span | None:
    """A number that can be dialled: a country code that exists, and as many digits as its plan has."""
    found = data[start:end]
    international = found.startswith((b"+", b"00"))
    if not international:
        return start, end
    end = _dialled(data, start, end)
    number = _digits(data[start:end]).removeprefix("00" if found.startswith(b"00") else "")
    if number.startswith("1"):
        return (start, end) if len(number) == 11 and number[1] in "23456789" else None
    if number.startswith("7"):
        return (start, end) if len(number) == 11 else None
    known = number[:2] in _TWO or number[:2] in _THREE
    return (start, end) if known and 9 <= len(number) <= 15 else None


def _dialled(data: bytes, start: int, end: int) -> int:
    """The end of the number's groups that fit into 15 digits; an 11-digit plan ends with its eleventh."""
    most = 11 if data[start : start + 2] in (b"+1", b"+7") else 15
    count, last = 0, end
    for position in range(start, end):
        if 48 <= data[position] <= 57:
            count += 1
            if count > most:
                gap = max(data.rfind(b" ", start, position), data.rfind(b"/", start, position))
                last = gap if gap > start else end
                break
    while last > start and not 48 <= data[last - 1] <= 57:
        last -= 1
    return last


def us_ssn(data: bytes, start: int, end: int) -> Span | None:
    """Area, group and serial are in the ranges that are given out (Social Security Administration, since 2011)."""
    area, group, serial = data[start:end].split(b"-")
    if area in (b"000", b"666") or area >= b"900" or group == b"00" or serial == b"0000":
        return None
    return start, end


def credit_card(data: bytes, start: int, end: int) -> Span | None:
    """Luhn's digit is right, the issuer's range exists, and the groups are cut as on a card."""
    number = _digits(data[start:end])
    separators = {byte for byte in data[start:end] if byte in b" -"}
    issued = number[0] in "456" or number[:2] in ("34", "35", "36", "37", "38") or "2221" <= number[:4] <= "2720"
    if not issued or not 13 <= len(number) <= 19 or len(separators) > 1 or len(set(number)) < 2:
        return None
    return (start, end) if luhn(number) else None


def fr_nir(data: bytes, start: int, end: int) -> Span | None:
    """The French social security number's key fits (97 less the number modulo 97; Corsica's 2A, 2B are 19, 18)."""
    text = data[start:end].decode("ascii").replace(" ", "")
    body = text[:-2].replace("2A", "19").replace("2B", "18")
    if not body.isdigit() or 97 - int(body) % 97 != int(text[-2:]):
        return None
    return start, end


def de_tax_id(data: bytes, start: int, end: int) -> Span | None:
    """The German tax number's check digit fits (ISO 7064, modulo 11,10); one digit is there two or three times."""
    digits = _digits(data[start:end])[-11:]
    counts = [digits[:10].count(char) for char in set(digits[:10])]
    if sorted(counts)[-1] not in (2, 3):
        return None
    product = 10
    for char in digits[:10]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    if (11 - product) % 10 != int(digits[10]):
        return None
    seen, first = 0, end
    while seen < 11:
        first -= 1
        seen += 48 <= data[first] <= 57
    return first, end


def uk_nino(data: bytes, start: int, end: int) -> Span | None:
    """The prefix is one that is given out (HM Revenue & Customs, NIM39110)."""
    prefix = data[start : start + 2]
    return None if prefix in (b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ") else (start, end)


_VERSION = re.compile(rb"(?i)(?:\bv|version|release|firmware|build|==|>=|<=|~=|\^)[^A-Za-z0-9]{0,3}$")


_KNOWN_SHORT = ("1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9")  # public resolvers


def ipv4(data: bytes, start: int, end: int) -> Span | None:
    """An address somebody can be reached at; private ones, masks and version numbers are not."""
    text = data[start:end].decode("ascii")
    if any((len(part) > 1 and part[0] == "0") or int(part) > 255 for part in text.split(".")):
        return None
    address = ipaddress.IPv4Address(text)
    documented = text.startswith(("192.0.2.", "198.51.100.", "203.0.113."))  # is_private too, but written as examples
    if len(text) == 7 and text not in _KNOWN_SHORT:  # a section of a text, or a version
        return None
    if address.is_multicast or address.is_reserved or (address.is_private and not documented):
        return None
    return None if _VERSION.search(data, max(0, start - 12), start) else (start, end)


def ipv6(data: bytes, start: int, end: int) -> Span | None:
    """A global unicast address."""
    while end > start and data[end - 1] == 58 and data[end - 2] != 58:
        end -= 1
    try:
        ipaddress.IPv6Address(data[start:end].decode("ascii"))
    except ValueError:
        return None
    return start, end


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        after_space, aws_key, azure_key, bearer, connection_string, credit_card, de_tax_id, email, fr_nir, has_digit,
        iban, ipv4, ipv6, last_40, named, phone, private_key, uk_nino, us_ssn,
    )
}  # fmt: skip
