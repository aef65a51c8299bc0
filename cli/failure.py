"""What a command raises where nothing is wrong with its input, but its outcome is."""

import click


class Failed(click.ClickException):
    """The command found that something is not as it must be: one line, and the exit code of a rejection."""
