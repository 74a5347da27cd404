"""What to label next, one file each."""
