"""Lists of row ids and positions as a few bytes: whole files are sorted and thinned out in one journal entry."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence

_FEW = 256  # numbers that are not worth compressing
_SLICE = 65_536  # numbers packed at once
_PLAIN, _STEPS = b"\x00", b"\x01"
_BIG_ENDIAN = sys.byteorder == "big"


def pack(numbers: Sequence[int]) -> bytes:
    """These 64-bit integers; consecutive and evenly spaced ones take next to no room."""
    if len(numbers) <= _FEW:
        plain = array("q", numbers)
        if _BIG_ENDIAN:
            plain.byteswap()
        return _PLAIN + plain.tobytes()
    import numpy as np

    packer = zlib.compressobj(1)
    parts, last = [_STEPS], 0
    for first in range(0, len(numbers), _SLICE):  # in slices, as whole files of row ids would be copied several times
        values = np.array(numbers[first : first + _SLICE], dtype=np.int64)
        parts.append(packer.compress(np.diff(values, prepend=np.int64(last)).astype("<i8").tobytes()))
        last = int(values[-1])
    return b"".join([*parts, packer.flush()])


def unpack(packed: bytes) -> array[int]:
    """The integers again; ValueError if these bytes are not what `pack` made."""
    kind, body = packed[:1], packed[1:]
    numbers = array("q")
    try:
        if kind == _PLAIN:
            numbers.frombytes(body)
            if _BIG_ENDIAN:
                numbers.byteswap()
        elif kind == _STEPS:
            import numpy as np

            numbers.frombytes(np.cumsum(np.frombuffer(zlib.decompress(body), "<i8")).astype(np.int64).tobytes())
        else:
            raise ValueError("not a packed list of numbers")
    except zlib.error as error:
        raise ValueError("a packed list of numbers is damaged") from error
    return numbers
