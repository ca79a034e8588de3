"""Where the twin is met by HTTP, beside AWS's own calls."""

import json
import logging

from localstack.http import Response, route

from ..rules.states import leave
from . import told
from .wanted import Place, wanted

LOG = logging.getLogger(__name__)


def install():
    from localstack.services.edge import ROUTER

    ROUTER.add([exchange, show])


def answer(body, status=200):
    return Response(json.dumps(body), status, mimetype="application/json")


@route("/_twin/exchange", methods=["POST"])
def exchange(request):
    said = json.loads(request.get_data())
    told.hear(said)
    drained(said.pop("drained", []))
    try:
        return answer(wanted())
    except Exception:  # things come and go in other threads meanwhile: the twin asks again
        LOG.warning("what is to run could not be read", exc_info=True)
        return answer({}, 503)


def drained(targets):
    """A target with nothing under way is deregistered, however much of the delay is left."""
    for group, target in targets:
        _, _, _, region, account, _ = group.split(":", 5)
        leave(Place(account, region), "target", (group, target))


@route("/_twin", methods=["GET"])
def show(request):
    said = told.said()
    return answer({"error": "nothing serves here"}, 404) if said is None else answer(said)
