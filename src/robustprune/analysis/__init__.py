"""Statistics, tables and figures, made from collected tables only."""
