"""What the methods are made of."""
