"""Which bytes are locked: what the files that a lock names contain."""
