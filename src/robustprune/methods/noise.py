"""Gate noise: one counter-based stream of random bits per replicate, drawn for all replicates in a few kernels.

Each replicate's stream is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014; its constants) started at a key from the
replicate's own torch.Generator: number k of a stream is mix(key + k * golden ratio). Numbers can therefore be
computed for any k, at once for all replicates and on any device, without R generator calls per draw; and a unit's
numbers depend on its place, its example and the draws before, never on the replicates beside it or on padding.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

GOLDEN, FIRST, SECOND = (
    value - (1 << 64) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)  # as int64, two's complement
LEVELS = 1 << 16
PER_WORD = 4  # 16-bit levels per 64-bit number
CACHED_WORDS = 1 << 16  # per piece on a CPU: it and its shifted copy then take 1 MiB


class Noise:
    """Random numbers for the gated slots of R networks; `position` [1] counts the numbers used per replicate."""

    def __init__(self, generators: Sequence[torch.Generator], units: Mapping[str, int], device: str = "cpu"):
        """units: slot -> units of the starting network, which fix where each slot's numbers lie in a draw."""
        keys = [torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=g) for g in generators]
        self.keys = torch.stack(keys).view(-1, 1, 1).to(device)
        self.position = torch.zeros(1, dtype=torch.int64, device=device)
        words = {slot: _words(count) for slot, count in units.items()}
        self.stride = sum(words.values())
        self.first = {slot: sum(list(words.values())[:rank]) for rank, slot in enumerate(words)}
        self._gates: dict[str, Tensor] = {}
        self._layout: tuple[tuple[int, ...], Tensor, Tensor, Tensor] | None = None

    def bernoulli(self, theta: Tensor, units: Mapping[str, int], batch: int) -> dict[str, Tensor]:
        """Gates xi [R, B, n] in {0, 1} per slot, one draw per example and unit, P(xi = 1) = theta.

        theta [R, all gates] holds the slots side by side with `units` places each. It is resolved to 1/65536, exactly
        at 0 and 1 (so padded places, theta 0, stay closed). The gates are valid until the next draw: their memory is
        used again, since fresh memory costs more than the comparison.
        """
        levels, first, drawn = self._levels(units, batch), 0, {}
        thresholds = theta.mul(LEVELS).sub_(LEVELS // 2).unsqueeze(1).split(list(units.values()), 2)
        for (slot, count), threshold in zip(units.items(), thresholds, strict=True):
            shape = (len(theta), batch, count)
            if slot not in self._gates or self._gates[slot].shape != shape:
                self._gates[slot] = theta.new_empty(shape)
            drawn[slot] = torch.lt(levels[:, :, first : first + count], threshold, out=self._gates[slot])
            first += PER_WORD * _words(count)
        return drawn

    def _levels(self, units: Mapping[str, int], batch: int) -> Tensor:
        """16-bit levels [R, B, places], the slots side by side, each beginning at a multiple of four."""
        counters, bits, shifted = self._counters(units, batch)
        start = self.keys + self.position * GOLDEN
        self.position.add_(batch * self.stride)
        pieces = len(bits) if bits.is_cuda else max(1, CACHED_WORDS // counters.numel())
        for piece, keys in zip(bits.split(pieces), start.split(pieces), strict=True):
            _mix(counters, keys, piece, shifted[: len(piece)])
        return bits.view(torch.int16)

    def _counters(self, units: Mapping[str, int], batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Offsets [B, words] of a draw from the stream's position, times the golden ratio; and two buffers."""
        layout = (batch, *units.values())
        if self._layout is None or self._layout[0] != layout:
            device = self.keys.device
            places = [self.first[slot] + torch.arange(_words(count), device=device) for slot, count in units.items()]
            rows = torch.arange(batch, device=device).unsqueeze(1) * self.stride
            counters = (rows + torch.cat(places)) * GOLDEN
            buffers = [counters.new_empty(len(self.keys), *counters.shape) for _ in range(2)]
            self._layout = (layout, counters, *buffers)
        return self._layout[1:]


def _mix(counters: Tensor, keys: Tensor, bits: Tensor, shifted: Tensor) -> None:
    """SplitMix64's finaliser of counters + keys, into `bits`."""
    torch.add(counters, keys, out=bits)
    for shift, multiplier in ((30, FIRST), (27, SECOND), (31, None)):
        torch.bitwise_right_shift(bits, shift, out=shifted)
        bits.bitwise_xor_(shifted.bitwise_and_((1 << (64 - shift)) - 1))  # the shift is arithmetic: cut the sign
        if multiplier is not None:
            bits.mul_(multiplier)


def _words(units: int) -> int:
    return -(-units // PER_WORD)
