"""What trains or looks into networks but is no cell of the study; each file writes a table."""
