"""Collapse by training error, judged over the networks of a study (docs/protocol.md B14).

A network whose method emptied a slot is `collapsed` in its record. Besides, a network has collapsed if its training
error exceeds the mean training error of dense training on the same data set by more than MARGIN points; without dense
networks the mean counts as 0. Where the study has dense networks of the same starting depth (for chains: dense chains)
these alone count. Test images have no say. Networks without a training error (of older versions, of foreign programs)
keep the status of their record: in older versions a test error above 10 % counted as collapsed, and the reason says so.
"""

import pandas as pd

from robustprune.study.cells import NO_DEPTH
from robustprune.study.roles import UNPRUNED

MARGIN = 10.0
"""Points of training error above dense training."""
REASON = "training error"
"""How the reason of a network that was judged here begins."""


def judged(runs: pd.DataFrame, details: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables with the statuses that follow from the training errors of all networks in them.

    The rows of both belong together one by one. A status that was judged before is judged again.
    """
    error = pd.to_numeric(runs["error_train_percent"]).to_numpy(float)
    before = [str(text).startswith(REASON) for text in details["reason"]]
    status = ["ok" if again else own for own, again in zip(runs["status"], before, strict=True)]
    reason = [None if again else own for own, again in zip(details["reason"], before, strict=True)]
    dense = runs[(runs["method"] == UNPRUNED) & pd.Series([own == "ok" for own in status], index=runs.index)]
    means = _means(dense)
    for row, (dataset, depth) in enumerate(zip(runs["dataset"], _depths(runs), strict=True)):
        mean = means.get((dataset, depth), means.get((dataset, None)))
        if status[row] == "ok" and error[row] > (mean or 0.0) + MARGIN:
            status[row], reason[row] = "collapsed", _reason(error[row], mean, dataset)
    return runs.assign(status=status), details.assign(status=status, reason=pd.Series(reason, details.index, object))


def _reason(error: float, mean: float | None, dataset: str) -> str:
    if mean is None:
        return (
            f"{REASON} {error:.2f} % exceeds {MARGIN:g} %: no dense network with a training error was trained on "
            f"{dataset}, and 0 is taken as its mean"
        )
    return f"{REASON} {error:.2f} % exceeds that of dense training ({mean:.2f} %) by > {MARGIN:g}"


def _depths(runs: pd.DataFrame) -> list[int]:
    """Return the starting depth of each network, NO_DEPTH for one without."""
    if "depth_start" not in runs:  # tables of older versions
        return [NO_DEPTH] * len(runs)
    return pd.to_numeric(runs["depth_start"]).fillna(NO_DEPTH).astype(int).tolist()


def _means(dense: pd.DataFrame) -> dict[tuple[str, int | None], float]:
    """Return the mean training errors of dense networks, by data set and depth, and by data set alone (None)."""
    errors = pd.to_numeric(dense["error_train_percent"])
    by_depth = errors.groupby([dense["dataset"], _depths(dense)]).mean().dropna().to_dict()
    by_dataset = errors.groupby(dense["dataset"]).mean().dropna().to_dict()
    return by_depth | {(dataset, None): mean for dataset, mean in by_dataset.items()}
