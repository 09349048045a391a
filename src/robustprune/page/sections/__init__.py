"""The sections of the page, a file each: ID (its anchor), TITLE, and show(study), which returns its HTML; a
section without any is left out."""

from robustprune.page.sections import (
    comparison,
    explorer,
    failures,
    headline,
    pixels,
    provenance,
    robustness,
    tables,
    verdicts,
)

SECTIONS = (verdicts, headline, comparison, explorer, robustness, pixels, tables, failures, provenance)
