"""Starts, the networks with which cells begin: one file per start. parts/ holds the code that they share."""
