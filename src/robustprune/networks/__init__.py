"""Networks: architectures as data, the stacked network with its replicate axis, the plain network."""
