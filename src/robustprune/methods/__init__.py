"""Pruning methods: one file per method, with the name of the method. parts/ holds the code that they share."""
