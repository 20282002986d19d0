"""What the features read: histories, exported or for one entity."""
