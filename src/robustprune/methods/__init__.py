"""Pruning methods: one file each, named as the method; base.py is the contract, the registry finds the files."""
