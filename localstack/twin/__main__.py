"""Runs the twin in the foreground until it is told to end: `python -m twin SETTINGS`, started by the supervisor."""

import asyncio
import json
import os
import pathlib
import signal
import sys

from .follow import Twin


def say(text):
    print(text, file=sys.stderr, flush=True)


async def main():
    settings, ending = json.loads(sys.argv[1]), asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, ending.set)
    os.umask(0o077)
    await Twin(settings, pathlib.Path(settings["folder"]), say).run(ending)


asyncio.run(main())
