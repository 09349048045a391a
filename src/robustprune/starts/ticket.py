"""Winning ticket: the units that a method kept, rewound to their initial weights (Frankle and Carbin, ICLR 2019;
docs/baselines.md section 14).

Seeds do not depend on the method, so the initial weights are those from which the method started. Changed: whole units
instead of single weights; one round.
"""

from robustprune.starts.parts.control import Control, ControlSettings


class Ticket(Control[ControlSettings]):
    """Units of the source with their initial weights."""

    layer_gates = True
