"""Base images made on this machine, for places where none can be pulled."""
