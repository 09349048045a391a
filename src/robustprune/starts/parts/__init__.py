"""Code that several starts share."""
