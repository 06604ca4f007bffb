"""What is there: environments and the distributions in them, read from the image's files."""
