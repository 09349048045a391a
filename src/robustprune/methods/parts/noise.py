"""Gate noise: one counter-based stream of random bits per replicate, drawn for all replicates in a few kernels.

The stream of a replicate is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014; its constants). Its key comes from the
replicate's torch.Generator. Number k of a stream is mix(key + k * golden ratio), so numbers can be computed for any k,
for all replicates at once and on any device, without R calls of a generator per draw. The numbers of a unit depend on
its place, its example and the previous draws. They do not depend on other replicates or on padding.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

GOLDEN, FIRST, SECOND = (
    value - (1 << 64) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)  # as int64, two's complement
LEVELS = 1 << 16
EDGE = 1e-6
CACHED_WORDS = 1 << 16  # per piece on a CPU: a piece and its shifted copy take 1 MiB


class Noise:
    """Random numbers for the gated slots of R networks; `position` [1] counts the words used per replicate."""

    def __init__(self, generators: Sequence[torch.Generator], units: Mapping[str, int], device: str = "cpu"):
        """units: slot -> units of the starting network. They fix the position of each slot's numbers in a draw."""
        keys = [torch.empty((), dtype=torch.int64).random_(-(2**63), None, generator=g) for g in generators]
        self._begin(torch.stack(keys).view(-1, 1, 1).to(device), units, None)

    def _begin(self, keys: Tensor, units: Mapping[str, int], rows: int | None) -> None:
        self.keys, self.units, self.rows = keys, dict(units), rows
        self.position = torch.zeros(1, dtype=torch.int64, device=keys.device)
        self._gates: dict[str, Tensor] = {}
        self._layouts: dict[int, tuple[tuple[int, ...], Tensor, Tensor, Tensor]] = {}

    def branch(self, number: int, units: Mapping[str, int], rows: int | None = None) -> "Noise":
        """Return independent streams for draws other than gates; `number` (1, 2, ...) identifies the branch.

        rows: upper bound on the leading dimension of a draw, for draws whose leading dimension shrinks under
        compaction.
        """
        keys = torch.empty_like(self.keys)
        _mix(torch.full_like(self.keys, number), self.keys, keys, torch.empty_like(keys))
        branch = object.__new__(Noise)
        branch._begin(keys, units, rows)
        return branch

    def bernoulli(self, theta: Tensor, units: Mapping[str, int], batch: int) -> dict[str, Tensor]:
        """Return slot -> gates xi [R, B, n] in {0, 1} with P(xi = 1) = theta, one draw per example and unit.

        theta [R, all gates] holds the slots side by side with `units` places each. Its resolution is 1/65536. It is
        exact at 0 and 1, so padded places (theta 0) stay closed. The next draw overwrites the gates, because new memory
        costs more than the comparison.
        """
        drawn = {}
        levels = self._split(self._bits(units, batch, 4).view(torch.int16), units, 4)
        thresholds = theta.mul(LEVELS).sub_(LEVELS // 2).unsqueeze(1).split(list(units.values()), 2)
        for (slot, level), threshold in zip(levels.items(), thresholds, strict=True):
            if slot not in self._gates or self._gates[slot].shape != level.shape:
                self._gates[slot] = theta.new_empty(level.shape)
            drawn[slot] = torch.lt(level, threshold, out=self._gates[slot])
        return drawn

    def uniform(self, units: Mapping[str, int], batch: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return slot -> uniform numbers [R, B, n] of resolution 2^-32, clipped to [1e-6, 1 - 1e-6]."""
        levels = self._bits(units, batch, 2).view(torch.int32)
        numbers = levels.to(dtype).mul_(2.0**-32).add_(0.5).clamp_(EDGE, 1 - EDGE)
        return self._split(numbers, units, 2)

    def normal(self, units: Mapping[str, int], batch: int, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return slot -> standard normal numbers [R, B, n] (Box and Muller), two per word, at most 6.7 in size."""
        bits = self._bits(units, batch, 2)
        numbers = torch.empty(*bits.shape, 2, dtype=dtype, device=bits.device)
        rows = numbers.shape[0] * batch if bits.is_cuda else max(1, CACHED_WORDS // max(1, bits.shape[2]))
        for words, drawn in zip(bits.flatten(0, 1).split(rows), numbers.flatten(0, 1).split(rows), strict=True):
            _box_muller(words, drawn)
        return self._split(numbers.flatten(2), units, 2)

    def _split(self, numbers: Tensor, units: Mapping[str, int], per_word: int) -> dict[str, Tensor]:
        """Split numbers [R, B, all places] by slot; each slot begins at a new word."""
        first, parts = 0, {}
        for slot, count in units.items():
            parts[slot] = numbers[:, :, first : first + count]
            first += per_word * _words(count, per_word)
        return parts

    def _bits(self, units: Mapping[str, int], batch: int, per_word: int) -> Tensor:
        """Return the next words [R, B, words] of the streams; each holds `per_word` numbers."""
        stride = sum(_words(count, per_word) for count in self.units.values())
        counters, bits, shifted = self._counters(units, batch, per_word, stride)
        start = self.keys + self.position * GOLDEN
        self.position.add_((self.rows or batch) * stride)
        pieces = len(bits) if bits.is_cuda else max(1, CACHED_WORDS // max(1, counters.numel()))
        for piece, keys in zip(bits.split(pieces), start.split(pieces), strict=True):
            _mix(counters, keys, piece, shifted[: len(piece)])
        return bits

    def _counters(
        self, units: Mapping[str, int], batch: int, per_word: int, stride: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a draw's offsets [B, words] from the stream's position, times the golden ratio, and two buffers."""
        layout = (batch, *units.values())
        if per_word not in self._layouts or self._layouts[per_word][0] != layout:
            device, places, first = self.keys.device, [], 0
            for slot, full in self.units.items():
                if slot in units:
                    places.append(first + torch.arange(_words(units[slot], per_word), device=device))
                first += _words(full, per_word)
            rows = torch.arange(batch, device=device).unsqueeze(1) * stride
            counters = (rows + torch.cat(places)) * GOLDEN
            bits, shifted = (counters.new_empty(len(self.keys), *counters.shape) for _ in range(2))
            self._layouts[per_word] = (layout, counters, bits, shifted)
        return self._layouts[per_word][1:]


def _mix(counters: Tensor, keys: Tensor, bits: Tensor, shifted: Tensor) -> None:
    """Write SplitMix64's finaliser of counters + keys into `bits`."""
    torch.add(counters, keys, out=bits)
    for shift, multiplier in ((30, FIRST), (27, SECOND), (31, None)):
        torch.bitwise_right_shift(bits, shift, out=shifted)
        bits.bitwise_xor_(shifted.bitwise_and_((1 << (64 - shift)) - 1))  # the shift is arithmetic: clear the sign bits
        if multiplier is not None:
            bits.mul_(multiplier)


def _box_muller(words: Tensor, drawn: Tensor) -> None:
    """Write two normal numbers from the halves of each word: words [rows, n] int64 -> drawn [rows, n, 2]."""
    first, second = words.view(torch.int32).unflatten(1, (-1, 2)).to(drawn.dtype).unbind(2)
    radius = first.mul(2.0**-32).add_(0.5 + 2.0**-33).clamp_(2.0**-32, 1).log_().mul_(-2).sqrt_()
    angle = second.mul(2 * math.pi * 2.0**-32)
    torch.mul(radius, angle.cos(), out=drawn.select(2, 0))
    torch.mul(radius, angle.sin_(), out=drawn.select(2, 1))


def _words(units: int, per_word: int) -> int:
    return -(-units // per_word)
