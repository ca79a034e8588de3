"""What the twin has told last."""

import time

# The twin asks twice a second; one that has been silent for so long is gone.
SILENCE = 10

_last = {"at": None, "said": {}}


def hear(said):
    _last.update(at=time.monotonic(), said=said)


def attached():
    """Whether a twin serves."""
    return _last["at"] is not None and time.monotonic() - _last["at"] < SILENCE


def said():
    """Everything it told, or None."""
    return _last["said"] if attached() else None


def health(group, target):
    """(state, reason) of a target; None before its first check has passed or failed."""
    return _last["said"].get("health", {}).get(group, {}).get(target)


def forget(group, target):
    """What was told of a target before it was registered or deregistered counts no more."""
    _last["said"].get("health", {}).get(group, {}).pop(target, None)
