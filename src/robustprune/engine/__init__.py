"""Training: one loop for every method, with its optimizer, compaction, checkpoints and evaluation."""
