"""Tables of Markdown documents."""


def markdown(*rows: list) -> str:
    """A table; the first row is its header."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
