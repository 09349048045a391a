"""What the starts are made of."""
