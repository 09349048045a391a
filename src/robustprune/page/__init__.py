"""The results page: one HTML file that shows what rules made, and computes nothing that a table holds."""
