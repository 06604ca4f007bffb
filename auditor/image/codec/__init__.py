"""Bytes to facts while they stream by: tar headers, compression, ELF, version strings."""
