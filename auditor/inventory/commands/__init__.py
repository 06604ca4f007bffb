"""Commands: shell text, image instructions, interpreter options, installers."""
