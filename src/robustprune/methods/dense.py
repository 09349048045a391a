"""Dense training: the reference that nothing is removed from."""

from robustprune.methods.parts.base import Method


class Dense(Method):
    """Cross-entropy plus L2, no gates: the contract's defaults."""
