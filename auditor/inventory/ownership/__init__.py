"""Whose each file is: package databases, RECORD, interpreters, by-products."""
