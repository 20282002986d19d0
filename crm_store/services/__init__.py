"""Use cases of the record store. Who may enter: the layers above. Services never commit and hold no query."""
