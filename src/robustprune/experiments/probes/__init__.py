"""What is read of Bernoulli gates while a network trains: one probe a file."""
