"""Client tokens: asking again with the same one gives the same answer, and makes nothing twice."""

import copy
import threading

from ..call import fault

DONE = {}  # token -> (what was asked, what was answered)
LOCKS = {}  # token -> the lock of whoever asks with it first


def once(call, token, act):
    key = (call.account, call.region, call.op, token)
    asked = {k: v for k, v in call.request.items() if k not in ("ClientToken", "IdempotencyToken")}
    with LOCKS.setdefault(key, threading.Lock()):
        if key not in DONE:
            DONE[key] = (asked, act())
    if DONE[key][0] != asked and call.api == "ec2":
        raise fault("IdempotentParameterMismatch", "The client token has been used with other parameters")
    return copy.deepcopy(DONE[key][1])
