"""Allocator settings: the C library keeps freed memory, so that a training step reuses what the last one freed."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
KEEP_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Stop glibc from returning large blocks to the system at every free; return False without glibc.

    By default glibc maps blocks of some hundred KiB and more anew each time, and the kernel clears and faults in every
    page again: up to a thousand page faults per training step, 5 to 15 % of its time.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    malloc = ctypes.CDLL("libc.so.6")
    return bool(malloc.mallopt(M_MMAP_THRESHOLD, KEEP_BYTES) and malloc.mallopt(M_TRIM_THRESHOLD, KEEP_BYTES))
