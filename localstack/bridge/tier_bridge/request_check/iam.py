"""IAM: names, and policies by the grammar of the policy language."""

import json
import re
from fnmatch import fnmatchcase

from . import wire
from .registry import match, rule
AUTHORIZATION = "D:Service Authorization Reference"


@rule("iam", "CreateRole", "PutRolePolicy")
def policies(request, params, world):
    for name in ("AssumeRolePolicyDocument", "PolicyDocument"):
        if name not in params:
            continue
        try:
            document = json.loads(params[name])
        except ValueError as error:
            request.problem(name, "policy-json", str(error), "D:iam policy grammar")
            continue
        size = len(re.sub(r"\s", "", params[name]))
        most = 2048 if name.startswith("Assume") else 10240
        if size > most:
            request.problem(name, "policy-size", f"{size} characters, {most} are the most", "D:iam quotas")
        if document.get("Version") != "2012-10-17":
            request.problem(name, "policy-version", repr(document.get("Version")), "D:iam policy grammar")
        statements = document.get("Statement")
        for i, one in enumerate(statements if isinstance(statements, list) else [statements]):
            at, trust = f"{name}.Statement[{i}]", name.startswith("Assume")
            unknown = set(one) - {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal",
                                  "Condition"}
            if unknown or one.get("Effect") not in ("Allow", "Deny") or not (one.get("Action") or one.get("NotAction")):
                request.problem(at, "policy-statement", json.dumps(one), "D:iam policy grammar")
            if trust == ("Resource" in one) or trust != ("Principal" in one):
                request.problem(at, "policy-principal", "Principal in trust policies, Resource in others", "D:iam policy grammar")
            if not re.fullmatch(r"[A-Za-z0-9]*", one.get("Sid", "")):
                request.problem(at, "policy-sid", repr(one.get("Sid")), "D:iam policy grammar")
            resources = one.get("Resource", [])
            for arn in [resources] if isinstance(resources, str) else resources:
                if arn != "*" and not re.fullmatch(r"arn:[\w*-]+:[\w*-]+:[\w*-]*:[\d*]*:.+", arn):
                    request.problem(at, "policy-arn", repr(arn), "D:iam policy grammar")
            actions = one.get("Action", [])
            for action in [actions] if isinstance(actions, str) else actions:
                known_action(request, at, action)
    if len(params.get("Description", "")) > 1000:
        request.problem("Description", "role-description", "more than 1000 characters", "B:iam")


# Actions of services whose models botocore does not have, or that are no operations of an API.
ELSEWHERE = {
    "ssmmessages": {"CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"},
    "ec2messages": {"AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply"},
    "s3": {"GetObject", "PutObject", "DeleteObject", "ListBucket"},
}
# The services whose actions are named like the operations of their API.
NAMED_ALIKE = {"cloudwatch", "dynamodb", "ecr", "kms", "logs", "secretsmanager", "ses", "sns", "sqs", "ssm"}


def known_action(request, at, action):
    prefix, _, name = action.partition(":")
    if prefix in ELSEWHERE:
        actions = ELSEWHERE[prefix]
    elif prefix in NAMED_ALIKE:
        actions = wire.service(prefix).operation_names
    else:
        request.problem(at, "policy-action-unknown", f"whether {action!r} is an action is not known here", AUTHORIZATION, "doubt")
        return
    if not any(fnmatchcase(one.lower(), name.lower()) for one in actions):
        request.problem(at, "policy-action", f"{action!r} is no action", AUTHORIZATION)


@rule("iam")
def iam_names(request, params, world):
    match(request, "RoleName", params.get("RoleName"), r"[\w+=,.@-]{1,64}", "role-name", "B:iam")
    for name in ("InstanceProfileName", "PolicyName"):
        match(request, name, params.get(name), r"[\w+=,.@-]{1,128}", "iam-name", "B:iam")
