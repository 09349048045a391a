"""What was found: records, their provenance and schemas."""
