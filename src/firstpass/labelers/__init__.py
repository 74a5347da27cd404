"""Everything that proposes labels, one file each: a SPEC that declares and a PLUGIN that does."""
