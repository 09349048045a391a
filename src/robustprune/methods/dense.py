"""Dense training: the reference without pruning."""

from robustprune.methods.parts.base import Method


class Dense(Method):
    """Cross-entropy plus L2 without gates: the defaults of the contract."""

    layer_gates = True  # it leaves the gates of sections open, as all others
