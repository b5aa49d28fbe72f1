"""Which encoding a text file is in, and why we think so."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from workbench.dataset.rows.sniff import is_binary, wide_encoding
from workbench.dataset.sources.source import Sniffed
from workbench.dataset.sources.streams import head_of, open_stream, packing_of
from workbench.errors import WorkbenchError

MARK_ERRORS = "workbench.mark"
"""Error handler for decoding: a byte that is no character becomes one lone surrogate, so that its row can be listed.

Python's `surrogateescape` does not take the bytes below 0x80 that broken UTF-16 has."""

UNDECODABLE = re.compile("[\udc00-\udcff]")
"""What MARK_ERRORS leaves in a text."""

_BLOCK = 1024 * 1024
_PACKED_SCAN = 16 * 1024 * 1024  # bytes of a compressed file that are looked at: unpacking all of it twice is slow
_GUESS = 32 * 1024  # bytes, of lines that are not ASCII, that a guess is made on

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)

# What is not ASCII in text of Western Europe. Letters that Mac Roman puts where Windows has Š, Ž and Ÿ are left out.
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœ€£©®°§«»¿¡–—‘’‚“”„…•·´\xa0ºª½¼×™")
_CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman", "koi8_r", "cp437", "cp850",
               "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr")  # fmt: skip


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(MARK_ERRORS, _mark)


def encoding_of(path: Path, head: bytes, chosen: str | None) -> tuple[str, Sniffed]:
    """Python's name of a text file's encoding, with the reason; `head` is its first (unpacked) bytes.

    Raises a WorkbenchError for a binary file and for a chosen encoding that does not exist.
    """
    if chosen is not None:
        return _known(chosen), Sniffed("encoding", chosen, "as the template says")
    for mark, codec, name in _MARKS:
        if head.startswith(mark):
            return codec, Sniffed("encoding", name, "the file begins with its byte order mark")
    wide = wide_encoding(head)
    if wide:
        return wide.lower(), Sniffed("encoding", wide, "every second byte or more is zero, and there is no mark")
    if is_binary(head):
        raise WorkbenchError(
            str(path), "is a binary file, not text", "give JSON Lines, JSON, CSV, Parquet or Arrow", code="binary_file"
        )
    return _unmarked(path)


def _known(name: str) -> str:
    try:
        info = codecs.lookup(name)
    except LookupError:
        info = None
    if info is None or not info._is_text_encoding:
        raise WorkbenchError(
            f"encoding {name!r}", "is none that is known", "for example utf-8, utf-16, cp1252", code="unknown_encoding"
        )
    return "utf-8-sig" if info.name == "utf-8" else info.name


def _unmarked(path: Path) -> tuple[str, Sniffed]:
    """UTF-8 if the bytes are that, else the code page that fits best."""
    with open_stream(path) as stream:
        limit = _PACKED_SCAN if packing_of(head_of(path, 8)) else None
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        offset, ascii_only = 0, True
        first: tuple[int, int] | None = None
        while (block := stream.bytes.read(_BLOCK)) and (limit is None or offset < limit):
            ascii_only = ascii_only and block.isascii()
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                pending = len(error.object) - len(block)
                first = offset - pending + error.start, error.object[error.start]
                break
            offset += len(block)
    if first is None:
        looked = "every byte" if limit is None or offset < limit else f"every byte of the first {limit >> 20} MB"
        return "utf-8", Sniffed("encoding", "UTF-8", f"{looked} is {'ASCII' if ascii_only else 'valid UTF-8'}")
    return _broken(path, *first, limit)


def _broken(path: Path, at: int, byte: int, limit: int | None) -> tuple[str, Sniffed]:
    """What a file is in that is not all UTF-8, because of the byte at `at`."""
    good, bad, sample = _weigh(path, limit)
    what = f"byte 0x{byte:02X} at offset {at:,} is not UTF-8"
    if good > 4 * bad:
        why = f"{good:,} characters that are not ASCII are valid, though {what}: such rows are listed"
        return "utf-8", Sniffed("encoding", "UTF-8", why)
    if _is_western(sample):
        return "cp1252", Sniffed("encoding", "cp1252", f"{what}, and as Windows' code page it reads as Western text")
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_CODE_PAGES)).best()
    if best is None or sample.decode("cp1252", "replace") == str(best):
        return "cp1252", Sniffed("encoding", "cp1252", f"{what}, and no other code page fits better")
    why = f"{what}, and charset-normalizer finds that {best.encoding} fits best; say otherwise in [source]"
    return best.encoding, Sniffed("encoding", best.encoding, why)


def _weigh(path: Path, limit: int | None) -> tuple[int, int, bytes]:
    """Characters beyond ASCII that are valid UTF-8, bytes that are not, and a sample of the lines that have them."""
    decoder = codecs.getincrementaldecoder("utf-8")(MARK_ERRORS)
    good = bad = offset = 0
    sample = bytearray()
    with open_stream(path) as stream:
        while (block := stream.bytes.read(_BLOCK)) and (limit is None or offset < limit):
            offset += len(block)
            text = decoder.decode(block)
            marked = len(UNDECODABLE.findall(text))
            bad += marked
            good += len(text) - len(text.encode("ascii", "ignore")) - marked
            if len(sample) < _GUESS:
                for line in block.split(b"\n"):
                    if not line.isascii() and len(sample) < _GUESS:
                        sample += line[:_GUESS] + b"\n"
    return good, bad, bytes(sample)


def _is_western(sample: bytes) -> bool:
    """Whether these bytes are cp1252 beyond doubt: Western letters only, and most letters plain ones."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    high = [char for char in text if ord(char) > 127]
    letters = sum(char.isalpha() for char in text)
    return all(char in _WESTERN for char in high) and sum(char.isalpha() for char in high) * 4 <= letters
