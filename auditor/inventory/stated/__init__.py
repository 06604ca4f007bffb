"""What the interpreter in a container says of itself and of what it can import.

Testimony throughout: the files of the image stay unread, and what nobody stated cannot be asked.
"""

from auditor.inventory.stated.inventory import Stated, take_stated
from auditor.inventory.stated.question import Question

__all__ = ["Question", "Stated", "take_stated"]
