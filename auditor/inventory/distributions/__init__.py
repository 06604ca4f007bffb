"""Installed distributions: metadata folders, RECORD, console scripts."""
