"""Let the C library keep the memory it is given back, so that every training step reuses what the last one freed."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
KEEP_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Stop glibc from returning large blocks to the system at every free; False where there is no glibc.

    By default blocks of some hundred KiB and more are mapped afresh each time, and every page of them is cleared and
    faulted in again: up to a thousand page faults per training step, 5 to 15 % of its time.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    malloc = ctypes.CDLL("libc.so.6")
    return bool(malloc.mallopt(M_MMAP_THRESHOLD, KEEP_BYTES) and malloc.mallopt(M_TRIM_THRESHOLD, KEEP_BYTES))
