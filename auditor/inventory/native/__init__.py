"""Native libraries: the files, their owners, and what the dynamic loader takes."""
