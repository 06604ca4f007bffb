"""What the interpreter in a container says of itself and of what it can import; all unverified.

`probe_command.py` is the command, `probe_script.py` what runs, `probed_inventory.py` the result.
"""
