"""Where requests pass on their way in: what AWS would refuse is refused here.

Rules of `tier_bridge/rules` know AWS's own codes, so they speak first: a request that is found wrong goes to them, and is
refused at the latest where it would be forwarded. What may be refused by AWS, or is only worth knowing, is written to
the journal, each finding once.
"""

import json
import os
import re
import threading
import time
from collections import defaultdict
from xml.sax.saxutils import escape

from localstack.aws.handlers.service import ServiceNameParser, ServiceRequestParser

from ..call import fault
from . import World, examined, wire

SCOPE = re.compile(r"Credential=[^/]+/[^/]+/([^/]+)/([^/]+)/aws4_request")
# Each service's code for a value that it does not take.
CODES = {
    "ec2": "InvalidParameterValue", "elbv2": "ValidationError", "rds": "InvalidParameterValue",
    "elasticache": "InvalidParameterValue", "route53": "InvalidInput", "iam": "ValidationError",
    "secretsmanager": "InvalidParameterException", "sts": "ValidationError",
}
# What a reader of requests cannot go on from; it is refused before anyone else reads the request.
UNREADABLE = ("unknown-service", "unknown-operation")
WORLDS = defaultdict(World)  # (account, region) -> what was done there


class Journal:
    """A file with a line for each finding; the same finding is written once."""

    def __init__(self, path):
        self.path, self.seen, self.lock = path, set(), threading.Lock()
        if path:
            open(path, "w").close()

    def note(self, request):
        for problem in request.problems:
            place = re.sub(r"\[\d+\]", "[]", problem.parameter)
            key = (problem.level, request.name, place, problem.rule)
            with self.lock:
                if not self.path or key in self.seen:
                    continue
                self.seen.add(key)
                line = {"level": problem.level, "operation": request.name, "parameter": place, "rule": problem.rule,
                        "says": problem.says, "source": problem.source}
                with open(self.path, "a") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Verdict:
    """What the check says of one request."""

    def __init__(self, request):
        self.request = request
        self.wrong = [p for p in request.problems if p.level == "violation"]

    @property
    def message(self):
        one = self.wrong[0]
        return f"{one.parameter}: {one.says} (rule {one.rule}, {one.source})".lstrip(": ")

    @property
    def unreadable(self):
        return any(p.rule in UNREADABLE for p in self.wrong)

    def refuse(self):
        """Refuse what AWS would refuse."""
        if self.wrong:
            raise fault(CODES.get(self.request.model, "ValidationException"), self.message)

    def answer(self, response):
        """Answer a request that nobody can read: LocalStack's own errors need an operation to be written for."""
        headers = self.request.record.headers
        if "json" in headers.get("Content-Type", ""):
            response.set_json({"__type": "InvalidAction", "message": self.message})
        else:
            error = f"<Error><Type>Sender</Type><Code>InvalidAction</Code><Message>{escape(self.message)}</Message></Error>"
            ec2 = self.request.model == "ec2"
            text = f"<Response><Errors>{error}</Errors></Response>" if ec2 else f"<ErrorResponse>{error}</ErrorResponse>"
            response.set_response(text)
            response.content_type = "text/xml"
        response.status_code = 400

    def served(self):
        """The service has done what was asked."""
        self.refuse()
        for act, arguments in self.request.afterwards:
            act(*arguments)
        self.request.afterwards.clear()


def record(context):
    """The request as it came, or None if it is none to AWS."""
    headers = context.request.headers
    scope = SCOPE.search(headers.get("Authorization", ""))
    if not scope:
        return None
    return wire.Record(
        service=scope[2],
        region=scope[1],
        method=context.request.method,
        path=context.request.full_path.rstrip("?"),
        headers=dict(headers),
        body=context.request.get_data(),
        at=time.monotonic(),
    )


def install(judged):
    """Let every request from outside pass; `judged` names the services whose calls ask for the verdict themselves."""
    journal = Journal(os.environ.get("TIER_JOURNAL"))
    parse = ServiceRequestParser.__call__

    def parse_when_judged(self, chain, context, response):
        came = None if context.is_internal_call else record(context)
        if came:
            request = examined(came, WORLDS[context.account_id, context.region])
            journal.note(request)
            context.verdict = Verdict(request)
            if context.verdict.unreadable:
                context.verdict.answer(response)
                chain.stop()
                return None
            if request.model not in judged:
                context.verdict.refuse()
        return parse(self, chain, context, response)

    ServiceRequestParser.__call__ = parse_when_judged
    name = ServiceNameParser.__call__

    def name_when_read(self, chain, context, response):
        context.request.get_data()  # Keeps the body: who looks for the service by the form would use it up.
        return name(self, chain, context, response)

    ServiceNameParser.__call__ = name_when_read
