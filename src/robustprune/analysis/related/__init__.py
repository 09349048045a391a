"""Tables of what is measured for the related systems of docs/related.md."""
