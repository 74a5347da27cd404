"""The stages of the loop: one file each, none knows another. Results are typed; `_plain.plain` makes them JSON."""
