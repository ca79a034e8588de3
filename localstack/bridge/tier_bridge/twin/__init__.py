"""The emulator's side of the local twin, which serves what is only on record here: what is to run, and what has become
of it.

The twin (the folder `twin/` beside the bridge) asks `POST /_twin/exchange` a few times a second: it tells the health of
targets and where things are on this machine, and is answered all that is to run. `GET /_twin` shows what it told.
"""
