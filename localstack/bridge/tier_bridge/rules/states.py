"""The states a thing passes through for TIER_DELAY seconds."""

import time

from ..settings import DELAY

PASSING = {}  # (account, region, kind, name) -> (state, its end, extra)


def enter(call, kind, name, state, extra=None, seconds=DELAY):
    if seconds:
        forget_ended()
        PASSING[call.account, call.region, kind, name] = (state, time.monotonic() + seconds, extra)


def forget_ended():
    """What has passed: whoever lists states looks at all of them."""
    now = time.monotonic()
    for key, (_, end, _) in list(PASSING.items()):
        if end < now:
            PASSING.pop(key, None)


def leave(call, kind, name):
    PASSING.pop((call.account, call.region, kind, name), None)


def passing(call, kind, name=None):
    """The state a thing is passing through, or None; without a name: {name: extra} of all of that kind."""
    now = time.monotonic()
    if name is not None:
        state, end, _ = PASSING.get((call.account, call.region, kind, name), (None, 0, None))
        return state if now < end else None
    # A copy, because other threads enter states meanwhile.
    here = [(k[3], v) for k, v in list(PASSING.items()) if k[:3] == (call.account, call.region, kind)]
    return {name: extra for name, (_, end, extra) in here if now < end}
