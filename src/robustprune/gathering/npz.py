"""Arrays of an .npz file that is in memory, in half the time of numpy.load.

A member is unpacked in one piece, and a header that many files share is parsed once.
"""

import io
import math
import struct
import zipfile
import zlib
from functools import cache
from typing import Any

import numpy as np

LOCAL = struct.Struct("<4s22xHH")
"""What is read of the header before a member: how it begins, the lengths of its name and of its extra field."""


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """Return name -> array, as numpy.load does; arrays may be read-only.

    What is unusual or damaged numpy reads again; it raises its own errors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            return {info.filename.removesuffix(".npy"): _array(_unpacked(content, info)) for info in opened.infolist()}
    except Exception:  # zipfile, zlib and numpy raise a great many types
        with np.load(io.BytesIO(content)) as loaded:
            return dict(loaded.items())


def _unpacked(content: bytes, info: zipfile.ZipInfo) -> bytes:
    """Return a member whose header, size and checksum are right; raises ValueError or zlib.error for any other."""
    begin = info.header_offset + LOCAL.size
    magic, name, extra = LOCAL.unpack_from(content, info.header_offset)
    named = content[begin : begin + name].decode() == info.orig_filename
    if magic != b"PK\3\4" or not named or info.compress_type != zipfile.ZIP_DEFLATED:
        raise ValueError(info.filename)
    begin += name + extra
    packed = memoryview(content)[begin : begin + info.compress_size]
    data = zlib.decompress(packed, -zlib.MAX_WBITS, info.file_size)
    if len(data) != info.file_size or zlib.crc32(data) != info.CRC:
        raise ValueError(info.filename)
    return data


def _array(data: bytes) -> np.ndarray:
    length = 10 + int.from_bytes(data[8:10], "little")
    shape, order, dtype = _header(data[:length])
    return np.frombuffer(data, dtype, math.prod(shape), length).reshape(shape, order=order)


@cache
def _header(header: bytes) -> tuple[tuple[int, ...], Any, np.dtype]:
    """Return shape, order and type of an array; raises ValueError for other versions of the format, and for objects."""
    opened = io.BytesIO(header)
    if np.lib.format.read_magic(opened) != (1, 0):
        raise ValueError(header)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(opened)
    if dtype.hasobject:
        raise ValueError(header)
    return shape, "F" if fortran else "C", dtype
