"""Where a network starts: one file per start."""
