"""Python itself: interpreters, the runtime environment, sys.path, tags and markers."""
