"""Compiled files against their sources: compiled and read in processes of their own."""
