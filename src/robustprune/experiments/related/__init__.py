"""What is measured of a study's networks for the related systems of docs/related.md, a file each."""
