"""BMRS_N: Bayesian model reduction to a spike (Wright, Igel and Selvan 2024; docs/baselines.md section 5).

The model is that of SBP. A gate is pruned if its log evidence does not fall when its prior is replaced by a spike at
the left edge, dF_N = log[(b - a) q(x = a)] >= 0, or if E[theta] < 1e-3, at two consecutive ends of epochs. The public
code omits the term -(1/2) log 2 pi and therefore prunes more; `criterion: public_code` does the same. With the exact
criterion, flat posteriors stay just below 0 and are kept; the KL gives idle gates such posteriors. Changed: the KL has
weight 1/N as in SBP. The public code averages it over gates, which `kl_scale` can reproduce.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor

from robustprune.methods.parts import truncated
from robustprune.methods.sbp import SBP, SBPSettings


class BMRSNSettings(SBPSettings):
    """Settings of SBP, with removal during training."""

    patience: int | None = Field(2, ge=1)
    criterion: Literal["exact", "public_code"] = Field(
        "exact", description="public_code omits -(1/2) log 2 pi from the log evidence, as the authors' code does"
    )


class BMRSN(SBP):
    """The gates of SBP with the spike criterion."""

    Settings = BMRSNSettings
    settings: BMRSNSettings

    def pruned(self, slot: str) -> Tensor:
        least = 0.0 if self.settings.criterion == "exact" else -0.5 * truncated.LOG_2PI
        return truncated.log_evidence_spike(*self.posterior(slot)) >= least
