"""The typed configuration of a study and its cells."""
