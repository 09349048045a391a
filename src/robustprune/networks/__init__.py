"""The study's networks: architectures as data, the stacked network (replicate axis), the plain network."""
