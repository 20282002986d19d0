"""Writing records: one step or a batch, each with its entry in the change log."""
