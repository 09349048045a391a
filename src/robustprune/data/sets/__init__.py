"""Data sets, one file each; DATASET is the reader of images and labels."""
