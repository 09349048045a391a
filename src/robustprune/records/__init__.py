"""Records of cells, their provenance, code hashes and schemas."""
