"""Fine-tuning within balls: on how many images does a small ball help, and do pruned networks need a larger one?"""

import json
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd

from robustprune.analysis.captions import brackets, caption
from robustprune.analysis.columns import Interval, Number, Text
from robustprune.analysis.measured import measured
from robustprune.analysis.read import CELL, NETWORK, settings_of
from robustprune.analysis.select import standard
from robustprune.analysis.sheet import Sheet
from robustprune.analysis.statistics import Estimate, interval_columns, mean_interval
from robustprune.analysis.verdicts.decision import NO, OWN_LEVEL, TOO_FEW, UNDECIDED, YES, all_yes
from robustprune.study.related import FINETUNE
from robustprune.study.roles import METHOD_UNDER_STUDY, UNPRUNED

FREE, MARS, ON = "free", "mars", " on "
HELPS, NEEDS = 1 / 8, 1 / 16
"""The relative radii at which the two questions are judged (docs/protocol.md, B28)."""
NOTHING = "No network was fine-tuned (start finetune, e.g. config/mars.yaml)."
ALIKE = [*NETWORK, "training"]
"""What networks share that are compared; training: the settings in which networks of one ball differ."""
DESCRIBED = ("examples", "ball", "of", "of_dataset")
"""Settings that the table has columns for."""
ESTIMATES = ("error", "gain", "share", "boundary", "contrast")
COLUMNS = [
    *(*ALIKE, "images", "source", "norm", "radius"),
    *(name for one in ESTIMATES for name in interval_columns(one)),
    *("helps_few", "needs_more", "n"),
]


SHOWN = [
    *(Text("training"), Text("images"), Text("source"), Text("norm"), Number("radius", "radius", "g")),
    *(Interval("error", "test error (%)", ".2f"), Interval("gain", "gain over free (points)", "+.2f")),
    *(Interval("share", "distance moved, share of length", ".3f"), Interval("boundary", "at the boundary (%)", ".0f")),
    *(Interval("contrast", "contrast (points)", "+.2f"), Text("helps_few", "helps most with few images")),
    *(Text("needs_more", "pruned lose more than dense"), Text("n")),
]


def finetune(runs: pd.DataFrame, confidence: float, moved: pd.DataFrame | None = None) -> Sheet:
    """Return a row per fine-tuned cell and rows with verdicts. moved: the table of experiments/related/moved.py."""
    known = fine_tuned(runs, moved)
    rows: list[dict] = []
    for key, own in known.groupby(ALIKE, sort=False):
        network = dict(zip(ALIKE, key, strict=True))
        rows += [network | row for row in (*_rows(own, confidence), *_judged(own, confidence))]
    table = pd.DataFrame(rows, columns=COLUMNS)
    text = caption(
        "Networks that another cell left, trained on; after each step weights outside a ball around their start are "
        "scaled back. Norm mars: a ball for each row of weights, by its absolute sum; frobenius: one for each layer, "
        "Euclidean. Radius: as a share of the length of the starting weights. Gain: test error without a ball minus "
        "with it, paired by network. Distance, boundary: of rows, means over layers and networks. Contrast: the gain "
        f"with fewest images, which stands beside it, minus that with most, at radius {HELPS:g}; or the loss by the "
        f"ball of pruned minus that of dense networks, at radius {NEEDS:g}. Verdicts: docs/protocol.md, B28.",
        brackets(confidence),
        "" if len(table) else NOTHING,
    )
    return Sheet.of(table, SHOWN, "Fine-tuning within balls", text, by=NETWORK, sparse=True)


def fine_tuned(runs: pd.DataFrame, moved: pd.DataFrame | None) -> pd.DataFrame:
    """Return the fine-tuned networks of the standard start, in the order of the table.

    With images (infinite: all), source, norm, radius (NaN: free), gain, and means over layers of median_share and
    at_boundary; `training` says in which other settings networks of the same images, source and ball differ. moved:
    the table of experiments/related/moved.py.
    """
    own = standard(runs[runs["method"] == FINETUNE]).copy() if len(runs) else runs.assign(start_of=None)
    settings = settings_of(own)
    balls = [given.get("ball") or {} for given in settings]
    own["images"] = [_images(text) for text in own["training"]]
    sources = zip(own["start_of"], settings, own["dataset"], strict=True)
    own["source"] = [_source(name, given.get("of_dataset"), dataset) for name, given, dataset in sources]
    own["norm"] = [ball.get("norm", FREE) for ball in balls]
    own["radius"] = [ball.get("radius") or np.nan for ball in balls]
    own["training"] = _differences(own, settings)
    distances = measured(moved, ("layer", "state", "median_share", "at_boundary"), own)
    means = distances[[*CELL, "replicate", "median_share", "at_boundary"]].groupby([*CELL, "replicate"]).mean()
    own = own.merge(means.reset_index().astype({"median_share": float, "at_boundary": float}), "left")
    same = [*ALIKE, "images", "source", "seed"]
    free = own[own["norm"] == FREE][[*same, "error_test_percent"]].rename(columns={"error_test_percent": "free"})
    own = own.merge(free, "left", on=same, validate="many_to_one")
    own = own.assign(gain=own["free"] - own["error_test_percent"])
    return own.sort_values([*ALIKE, "images", "source", "norm", "radius", "replicate"], na_position="first")


def _source(name: str, of_dataset: str | None, dataset: str) -> str:
    """Return the cell whose networks were trained on, with its data set where that is another."""
    return f"{name}{ON}{of_dataset}" if of_dataset and of_dataset != dataset else name


def _differences(own: pd.DataFrame, settings: pd.Series) -> list[str]:
    """Return the settings in which networks of the same images, source and ball differ from each other."""
    ways = [_read(text) | given for text, given in zip(own["training"], settings, strict=True)]
    values = pd.DataFrame([{name: repr(value) for name, value in way.items()} for way in ways], index=own.index)
    values = values.drop(columns=[name for name in DESCRIBED if name in values])
    alike = [own[name] for name in (*NETWORK, "images", "source", "norm", "radius")]
    several = values.groupby(alike, dropna=False).nunique(dropna=False) > 1
    differ = [name for name in values if several[name].any()]
    return [", ".join(f"{name} {way.get(name)}" for name in differ) for way in ways]


def _read(training: object) -> dict:
    return json.loads(training) if isinstance(training, str) else {}


def _images(training: object) -> float:
    found = _read(training).get("examples")
    return np.inf if found is None else float(found)


def images_title(count: float) -> str:
    """Return a number of training images as text."""
    return "all" if np.isinf(count) else f"{count:g}"


def _rows(own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    cells = own.groupby(["images", "source", "norm", "radius"], sort=False, dropna=False)
    for (images, source, norm, radius), networks in cells:
        row = _empty() | {"images": images_title(images), "source": source, "norm": norm, "radius": radius}
        row |= mean_interval(networks["error_test_percent"], confidence).columns("error") | {"n": len(networks)}
        if norm != FREE:
            row |= mean_interval(networks["gain"], confidence).columns("gain")
        row |= mean_interval(networks["median_share"], confidence).columns("share")
        yield row | mean_interval(networks["at_boundary"], confidence).columns("boundary")


def _judged(own: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield a row per source whose gain is compared over images, and per pruned source beside a dense one."""
    for source, networks in _at(own, HELPS).groupby("source", sort=False):
        by_images = {count: part.set_index("seed")["gain"] for count, part in networks.groupby("images")}
        if len(by_images) > 1:
            ends = min(by_images), max(by_images)
            few, most = (by_images[count] for count in ends)
            images = " - ".join(map(images_title, ends))
            found = mean_interval(few - most, confidence)
            verdict = helps(mean_interval(few - most, OWN_LEVEL), mean_interval(few, OWN_LEVEL))
            row = _empty() | {"images": images, "source": source, "norm": MARS, "radius": HELPS, "helps_few": verdict}
            yield row | mean_interval(few, confidence).columns("gain") | found.columns("contrast") | {"n": found.n}
    for images, networks in _at(own, NEEDS).groupby("images"):
        by_source = networks.groupby("source", sort=False)
        gains = {source: part.groupby("seed")["gain"].mean() for source, part in by_source}
        pairs = _pruned_and_dense(list(gains))
        for pruned, dense in pairs:
            losses = gains[dense] - gains[pruned]
            found, judged = (mean_interval(losses, level) for level in (confidence, OWN_LEVEL))
            source = "pruned - dense" if len(pairs) == 1 else f"{pruned} - {dense}"
            row = _empty() | {"images": images_title(images), "source": source, "norm": MARS, "radius": NEEDS}
            yield row | found.columns("contrast") | {"needs_more": above_zero(judged), "n": found.n}


def _pruned_and_dense(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Return each pruned source with each dense one of the same data set."""
    pruned, dense = (
        [source for source in sources if source.partition("/")[0] == kind] for kind in (METHOD_UNDER_STUDY, UNPRUNED)
    )
    return [pair for pair in product(pruned, dense) if len({source.partition(ON)[2] for source in pair}) == 1]


def _at(own: pd.DataFrame, radius: float) -> pd.DataFrame:
    return own[(own["norm"] == MARS) & np.isclose(own["radius"].astype(float), radius)]


def _empty() -> dict:
    return {name: np.nan for one in ESTIMATES for name in interval_columns(one)} | {
        "helps_few": None,
        "needs_more": None,
    }


def above_zero(found: Estimate) -> str:
    """Decide whether a difference is above 0, by its interval."""
    if np.isnan(found.low):
        return TOO_FEW
    return YES if found.low > 0 else NO if found.high < 0 else UNDECIDED


def helps(contrast: Estimate, few: Estimate) -> str:
    """Decide whether the ball helps with few images, and more than with many (B28)."""
    return all_yes([above_zero(contrast), above_zero(few)])
