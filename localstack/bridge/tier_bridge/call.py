"""One request on its way to a service: what rules get, refuse, change and forward."""

import contextlib
import threading

from localstack.aws.api import CommonServiceException
from localstack.aws.connect import connect_to
from localstack.aws.forwarder import NotImplementedAvoidFallbackError, create_aws_request_context
from localstack.services.moto import call_moto
from moto.backends import get_backend

ONE_AT_A_TIME = {"rds": threading.RLock()}


class Call:
    """A request, and everything one can do with it."""

    def __init__(self, context, request, handler):
        self.context, self.request, self.handler = context, request or {}, handler
        self.api = context.service.service_name
        self.op = context.operation.name
        self.account, self.region = context.account_id, context.region
        self.verdict = getattr(context, "verdict", None)

    def forward(self, request=None):
        """Do what the service does by itself. With `request`: do it as if that had been asked instead."""
        self.refuse_what_aws_would()
        context, changed = self.context, request is not None and request != self.request
        if changed:
            context = remade(context, request)
        if self.handler:
            try:
                return self.handler(context, request if changed else self.request) or {}
            except NotImplementedAvoidFallbackError:
                raise
            except NotImplementedError:
                pass  # LocalStack did not write this one: moto answers
        # moto takes a database out of its lists while it is changed; others would find it gone.
        with ONE_AT_A_TIME.get(self.api, contextlib.nullcontext()):
            return call_moto(context) or {}

    def refuse_what_aws_would(self):
        """Raise if the request check found the request wrong. Inner calls are not checked."""
        if self.verdict:
            self.verdict.refuse()

    def served(self, answer):
        """The answer of a call that did what was asked."""
        if self.verdict:
            self.verdict.served()
        return answer

    def change(self, request):
        """Go on as if this had been asked."""
        if request != self.request:
            self.context, self.request = remade(self.context, request), request

    def moto(self, service, region=None):
        """moto's backend object of another service, same account and region."""
        return get_backend(service)[self.account][region or self.region]

    def client(self, service):
        """A client of another service, same account and region, through every rule of that service."""
        return getattr(connect_to(aws_access_key_id=self.account, region_name=self.region), service)

    def get(self, key, default=None):
        value = self.request.get(key)
        return default if value is None else value


def remade(context, request):
    """The context of a request with other parameters (its wire form is made anew; moto reads that)."""
    new = create_aws_request_context(
        service_name=context.service.service_name,
        action=context.operation.name,
        # What was not asked stands in it as None, which botocore takes for a value of Route 53's ids.
        parameters={k: v for k, v in request.items() if v is not None},
        region=context.region,
        protocol=context.protocol,
    )
    headers = context.request.headers.copy()
    headers.update(new.request.headers)
    new.request.headers = headers
    new.account_id, new.region, new.request_id = context.account_id, context.region, context.request_id
    new.service_request = request
    return new


def fault(code, message, status=400):
    """An error answer with AWS's wire code."""
    return CommonServiceException(code, message, status_code=status, sender_fault=True)
