"""What the interpreter in a container says of itself and of what it can import.

Testimony throughout: the files of the image stay unread, and what nobody stated cannot be asked.
`question.py` says what is asked, `probe_script.py` answers, `stated_inventory.py` reads the answer.
"""
