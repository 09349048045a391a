"""The order in which texts list verdicts."""

from robustprune.analysis.claims import NOT_RUN
from robustprune.analysis.verdicts.decision import NO, NOT_APPLICABLE, TOO_FEW, UNDECIDED, YES

HEADINGS = {
    "Does not hold": (NO,),
    "Not decided": (UNDECIDED, TOO_FEW),
    "Holds": (YES,),
    "Not run": (NOT_RUN,),
    "Not applicable": (NOT_APPLICABLE,),
}
"""Heading -> the verdicts below it. What did not hold comes first."""
