"""The search for the smallest width that fits N images, from narrow networks to wide ones."""

from pathlib import Path

import pandas as pd
import torch

from robustprune.data.datasets import Dataset, stratified_choice
from robustprune.errors import StudyError
from robustprune.experiments.smallest_width.shallow import CLASSES, Fits, fit, generator
from robustprune.files import reading
from robustprune.initialization.examples import Examples
from robustprune.study.smallest_width import SMALLEST_WIDTH, Labels, SmallestWidth, too_many

COLUMNS = (
    *("dataset", "labels", "examples", "steps_factor", "steps", "width", "seed", "learning_rate"),
    *("wrong", "fitted_after"),
)


def search_width(asked: SmallestWidth, name: str, data: Dataset) -> pd.DataFrame:
    """Return a table of COLUMNS, a row per network, for one of the searches of `asked`.

    wrong: the smallest number of wrongly classified training images at a check; NaN where the scores were not finite.
    fitted_after: the step of the first check without one, NaN where there is none. Blocks of widths train one after the
    other. The last block is the first in which, at some width and learning rate, the networks of all seeds fit: then
    whatever seeds are drawn again fit at some width.
    """
    labels, count, factor = asked.searches()[name]
    examples, steps = chosen_examples(data, labels, count), asked.training_steps(count, factor)
    blocks = []
    for widths in asked.blocks():
        stream = f"{asked.dataset}/{labels}/{count}"
        found = fit(stream, examples, widths, range(asked.seeds), asked.learning_rates, steps)
        blocks.append(_rows(found, widths, asked))
        if bool((found.wrong == 0).all(1).any()):
            break
    table = pd.concat(blocks, ignore_index=True)
    table = table.assign(dataset=asked.dataset, labels=labels, examples=count, steps_factor=factor, steps=steps)
    return table[list(COLUMNS)]


def join_searches(asked: SmallestWidth, folder: Path) -> pd.DataFrame:
    """Return the tables of all searches in a folder as one. Raises StudyError naming a missing or damaged one."""
    tables = []
    for name in asked.searches():
        path = folder / f"{name}.parquet"
        with reading(path, "run its search again"), path.open("rb") as opened:
            tables.append(pd.read_parquet(opened))
    return pd.concat(tables, ignore_index=True)


def chosen_examples(data: Dataset, labels: Labels, count: int) -> Examples:
    """Return so many training images, the choice of `training.examples`, with their labels or with random ones.

    Raises StudyError for more images than there are.
    """
    if count > len(data.train_labels):
        raise StudyError(f"{SMALLEST_WIDTH}.{too_many(labels, count, len(data.train_labels))}")
    chosen = stratified_choice(data.train_labels, count)
    own = data.train_labels[chosen]
    if labels == "random":
        own = torch.randint(CLASSES, own.shape, generator=generator("random labels", count))
    return Examples(data.train_images[chosen], own)


def _rows(found: Fits, widths: list[int], asked: SmallestWidth) -> pd.DataFrame:
    """Return a row per network of one block."""
    rows = [
        {"width": width, "seed": seed, "learning_rate": rate, "wrong": wrong, "fitted_after": after}
        for rate, by_seed, after_by_seed in zip(
            asked.learning_rates, found.wrong.tolist(), found.fitted.tolist(), strict=True
        )
        for seed, (by_width, after_by_width) in enumerate(zip(by_seed, after_by_seed, strict=True))
        for width, wrong, after in zip(widths, by_width, after_by_width, strict=True)
    ]
    return pd.DataFrame(rows)
