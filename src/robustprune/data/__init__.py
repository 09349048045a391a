"""Data sets: readers, verification, storage and the fixed split."""
