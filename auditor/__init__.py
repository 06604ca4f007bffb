"""Proves that a container image holds exactly what its pylock.toml says."""

__version__ = "0.1.0"
