"""Pictures to vectors, one file each: for maps, for likeness, for choosing images unlike those labeled."""
