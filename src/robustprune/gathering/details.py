"""The columns of details.csv beside the axes: what runs.csv has no room for."""

from robustprune.gathering.asked import ASKED

DETAILS = (
    *("status", "reason", "units_raw", "gates_above_090_fraction"),
    *("inference_ms_dense_batch1", "inference_ms_kept_batch1"),
)
"""Columns of each replicate."""
OF_CELL = ("peak_memory_mib", "training", "settings", *ASKED, "target_params", "target_above_dense")
"""Columns that all replicates of a cell share; training and settings are JSON."""
