"""What can be derived about the method, in numbers: numpy and scipy only, no trained network (docs/theory.md)."""
