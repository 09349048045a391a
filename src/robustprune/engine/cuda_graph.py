"""Repeated steps: called on a CPU; on a GPU recorded once as a CUDA graph whose kernels are launched together."""

from collections.abc import Callable, Hashable

import torch

WARM_UP = 3  # steps before recording, for lazy initialisations, as torch's notes on CUDA graphs ask


class RepeatedStep:
    """A training step that is replayed while its key stays the same.

    `step` must do the same work on the same tensors for calls with the same key. Every call is one training step: the
    warm-up steps train too, and a first launch follows the recording.
    """

    def __init__(self, step: Callable[[], None], device: str):
        self.step = step
        self.recording = torch.device(device).type == "cuda"
        self.graph: torch.cuda.CUDAGraph | None = None
        self.key: Hashable = None
        self.warm = 0

    def __call__(self, key: Hashable = None) -> None:
        """Do one step; record it anew where the key differs from that of the last call."""
        if not self.recording:
            self.step()
            return
        if key != self.key:
            self.key, self.graph, self.warm = key, None, 0
        if self.graph is not None:
            self.graph.replay()
        elif self.warm < WARM_UP:
            self._on_side_stream()
        else:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.step()
            self.graph = graph
            graph.replay()

    def _on_side_stream(self) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self.step()
        torch.cuda.current_stream().wait_stream(stream)
        self.warm += 1
