"""The desk's routes, one file per subject. Plain functions: they run in threads, the event loop waits for no data base."""
