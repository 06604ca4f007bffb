"""The process: `auditor`, and `python -m auditor`."""

import signal


def main() -> None:
    """Run the command line of this process, and end it."""
    # While there is nothing to clean up Ctrl-C just ends the process: no traceback from the
    # middle of an import.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from auditor.cli import main as command_line  # noqa: PLC0415 -- see above

    command_line()


if __name__ == "__main__":
    main()
