"""Repeat a step: call it on a CPU; on a GPU record its kernels once as a CUDA graph and launch them all at once."""

from collections.abc import Callable, Hashable

import torch

WARM_UP = 3  # steps before recording, as torch's notes on CUDA graphs ask: lazy initialisations happen in them


class RepeatedStep:
    """`step` must do the same work on the same tensors as long as it is called with the same key.

    Every call is one real step: the warm-up steps train too, and recording is followed by a first launch.
    """

    def __init__(self, step: Callable[[], None], device: str):
        self.step = step
        self.recording = torch.device(device).type == "cuda"
        self.graph: torch.cuda.CUDAGraph | None = None
        self.key: Hashable = None
        self.warm = 0

    def __call__(self, key: Hashable = None) -> None:
        """Do one step; with another key than the last call's it is recorded anew."""
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
