"""What is asked: the typed configuration and its cells."""
