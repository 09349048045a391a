"""Architectures, one file each; ARCHITECTURE holds slots and layers."""
