"""The exception for wrong input, as opposed to errors of the program."""

import difflib
from collections.abc import Iterable


class StudyError(Exception):
    """Wrong input; the message names the file or key, what was expected and how to mend it.

    The command line prints it as one line and exits with status 2.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return the nearest valid name, if any is near, and all valid names, as the end of an error message."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (valid: {', '.join(valid)})"
