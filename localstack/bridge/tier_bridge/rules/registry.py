"""Where rules are entered: a function for one or more operations, which gets the Call and forwards or refuses it."""

RULES = {}  # (api, operation) -> function


def on(api, *ops):
    def register(fn):
        for op in ops:
            RULES[api, op] = fn
        return fn

    return register
