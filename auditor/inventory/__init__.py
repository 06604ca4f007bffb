"""What is there: environments and the distributions in them, read from the image's files."""

from auditor.inventory.environments import take_inventory

__all__ = ["take_inventory"]
