"""Label formats, one file each: files in, labeled images out, and back. What a format cannot hold, its SPEC declares."""
