"""The methods that have a role in every study."""

METHOD_UNDER_STUDY = "bernoulli"
"""The method whose claims the study is about; every other is a baseline."""
UNPRUNED = "dense"
"""Training without pruning."""
