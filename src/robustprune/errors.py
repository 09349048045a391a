"""The one exception that means "the input is wrong, not the program"."""

import difflib
from collections.abc import Iterable


class StudyError(Exception):
    """Bad input: the message names the file or key, what was expected and how to mend it.

    The command line prints it as one line and exits with status 2.
    """


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return "; did you mean ...?" (or nothing) followed by the valid names, for error messages."""
    valid = sorted(valid)
    close = difflib.get_close_matches(name, valid, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (valid: {', '.join(valid)})"
