"""Reading the change log: as of a moment, as a feed, sealed."""
