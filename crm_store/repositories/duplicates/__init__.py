"""Finding the same customer twice, and merging the records."""
