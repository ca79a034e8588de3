"""What localstack.py is made of: which emulators there are, where files go, how one is installed and kept running."""

import sys


class Trouble(Exception):
    """What went wrong, and what to do about it."""

    def __init__(self, what, hint):
        super().__init__(what)
        self.hint = hint


def say(text):
    """Everything but results goes to stderr."""
    print(text, file=sys.stderr, flush=True)
