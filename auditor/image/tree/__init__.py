"""The root file system over any tree: links resolved, never out of the root."""
