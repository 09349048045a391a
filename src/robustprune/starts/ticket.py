"""Winning ticket: the units that a method kept, rewound to their initial weights (Frankle and Carbin, ICLR 2019;
docs/baselines.md section 14). Seeds never depend on the method, so the initial weights are those the method started
from. Changed: whole units instead of single weights; one round.
"""

from robustprune.starts.parts.control import Control


class Ticket(Control):
    """Same units, same initial weights."""
