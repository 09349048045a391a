"""The sections of the page, a file each: ID (its anchor), TITLE, and show(study), which returns its HTML."""

from robustprune.page.sections import (
    explorer,
    failures,
    headline,
    pixels,
    provenance,
    robustness,
    tables,
    verdicts,
)

SECTIONS = (verdicts, headline, explorer, robustness, pixels, tables, failures, provenance)
