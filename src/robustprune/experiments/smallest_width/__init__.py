"""The smallest width of a network with one hidden layer that fits N images (docs/related.md 4)."""
