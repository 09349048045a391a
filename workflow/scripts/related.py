"""Tables of docs/related.md, from what the studies beside the reference were shown by."""

from markdown_tables import markdown
from shipped_numbers import shipped_table

from robustprune.analysis.columns import number, with_interval
from robustprune.analysis.labels import network_title

EVERYTHING = "all"


def balls() -> str:
    """Pruning within balls: a row per run, and the verdict over all radii."""
    table = shipped_table("mars", "ball")
    rows = [["run", "params kept", "test error (%)", "radius beside the distance moved", "changed", "as expected"]]
    for row in table[table["slot"] == EVERYTHING].itertuples():
        found = dict(row._asdict())
        shown = [_text(getattr(row, name)) for name in ("beside_median", "changed", "as_expected")]
        run = "**all radii (H9)**" if row.run == EVERYTHING else row.run
        rows.append([run, with_interval(found, "units", ",.0f"), with_interval(found, "error", ".2f"), *shown])
    return markdown(*rows)


def fine_tuning() -> str:
    """Fine-tuning within balls: the comparisons that answer the two questions."""
    table = shipped_table("mars", "finetune")
    rows = [["network", "question", "source", "images", "radius", "contrast (points)", "answer"]]
    for row in table[table["contrast"].notna()].itertuples():
        first = isinstance(row.helps_few, str)
        asked = "helps most with few images (H7)" if first else "pruned need a larger radius (H8)"
        answer = row.helps_few if first else row.needs_more
        title = network_title(row.dataset, row.architecture, row.track)
        contrast = with_interval(row._asdict(), "contrast", "+.2f")
        rows.append([title, asked, _text(row.source), row.images, number(row.radius, "g"), contrast, answer])
    return markdown(*rows)


def _text(value: object) -> str:
    return value if isinstance(value, str) else "-"
