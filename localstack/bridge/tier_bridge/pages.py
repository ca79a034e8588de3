"""Lists that are answered in pages.

A list is whole when its first page is answered: what comes and goes meanwhile moves nothing from a page that is still to
come to one that has been. (moto's lists have no order to go by.)
"""

import collections
import secrets
import threading

from .call import fault

# What is left of lists, by the token that continues them; the oldest are forgotten.
LEFT, LOCK, MOST = collections.OrderedDict(), threading.Lock(), 10_000


def whose(call):
    return call.account, call.region, call.api, call.op


def keep(call, *left):
    """Keep what is left of a list, and answer the token that continues it."""
    token = secrets.token_urlsafe(24)
    with LOCK:
        LEFT[token] = (whose(call), left)
        while len(LEFT) > MOST:
            LEFT.popitem(last=False)
    return token


def continued(call, token, code):
    """What is left of a list. A client that has lost an answer asks with the same token again."""
    with LOCK:
        owner, left = LEFT.get(token, (None, None))
    if owner != whose(call):
        raise fault(code, f"The token '{token}' is invalid.")
    return left
