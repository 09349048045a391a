"""How much the fault suite tries: seconds in `make test`, hours in `make test-faults`."""

import os

LONG = os.environ.get("FAULTS") == "long"


def amount(short: int, long: int) -> int:
    """The number of tries of this run."""
    return long if LONG else short
