"""Owners of files: package databases, RECORDs, interpreters, by-products, the application."""
