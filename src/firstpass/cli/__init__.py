"""The command line: one file per verb, each parses, calls a stage and prints. Nothing heavy is imported before a verb runs."""
