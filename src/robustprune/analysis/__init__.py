"""Statistics, tables and figures: reads collected records only, never a network."""
