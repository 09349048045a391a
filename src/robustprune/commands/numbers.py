"""Numbers on the command line: each function reads one and says what was expected where it cannot."""

import argparse


def level(text: str) -> float:
    """Return a level of intervals between 0 and 1; ArgumentTypeError otherwise."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a level between 0 and 1, such as 0.95, found {text}")
    return value


def positive(text: str) -> int:
    """Return a whole number of at least 1; ValueError otherwise, which the parser reports."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def seconds(text: str) -> float:
    """Return a number above 0; ValueError otherwise, which the parser reports."""
    number = float(text)
    if not 0 < number < 1e6:
        raise ValueError
    return number


# what the parser says was expected
positive.__name__ = "number of at least 1"
seconds.__name__ = "number of seconds"
