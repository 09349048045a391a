"""Data sets, one file each: DATASET reads its images and labels."""
