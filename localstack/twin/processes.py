"""Processes that the twin has started: they end with it, however it ends, and so does what they have started."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """On Linux nothing outlives a twin that was killed; elsewhere only one that ends in order takes all with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def start(command, *, log=None, **more):
    """Starts a program with a group of its own; what it says goes to a log file unless `more` says otherwise."""
    with open(log or os.devnull, "ab") as out:
        ways = {"stdin": asyncio.subprocess.DEVNULL, "stdout": out, "stderr": out, "start_new_session": True}
        return await asyncio.create_subprocess_exec(*map(str, command), preexec_fn=die_with_parent, **{**ways, **more})


async def end(process, patience):
    """Ends a process and its group: asked first, then killed after so many seconds."""
    for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)
            break
    # What was left behind in its group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
