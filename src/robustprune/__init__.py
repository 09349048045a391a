"""Reference study of robust structured pruning (see README.md)."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("robustprune")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
