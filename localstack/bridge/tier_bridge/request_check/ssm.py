"""Systems Manager parameters."""

import re

from .registry import match, rule, within

@rule("ssm", "PutParameter", "GetParameter", "DeleteParameter", "GetParametersByPath")
def parameter(request, params, world):
    name = params.get("Name") or params.get("Path") or ""
    if name.startswith("/aws/service/") and request.operation == "GetParameter":
        return
    if not re.fullmatch(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?", name):
        request.problem("Name", "parameter-name", repr(name), "B:ssm")
    if re.match(r"/?(aws|ssm)", name, re.I):
        request.problem("Name", "parameter-prefix", repr(name), "B:ssm")
    if len([p for p in name.split("/") if p]) > 15:
        request.problem("Name", "parameter-depth", "more than 15 levels", "B:ssm")
    if "/" in name and not name.startswith("/"):
        request.problem("Name", "parameter-slash", "a hierarchy begins with /", "B:ssm")
    if len(name) > 1011:
        request.problem("Name", "parameter-length", f"{len(name)} characters, 1011 with the ARN", "B:ssm")


@rule("ssm", "PutParameter")
def put_parameter(request, params, world):
    value, tier, name = params.get("Value", ""), params.get("Tier", "Standard"), params.get("Name")
    most = 4096 if tier == "Standard" else 8192
    if len(value.encode()) > most:
        request.problem("Value", "parameter-size", f"{len(value.encode())} bytes in tier {tier}, {most} are the most", "B:ssm")
    if not value:
        request.problem("Value", "parameter-empty", "a value has one character at least", "B:ssm")
    if re.search(r"\{\{.*?\}\}", value, re.S):
        request.problem("Value", "parameter-nested", "`{{…}}` in a value: 'You can't include values wrapped in double brackets'",
                        "B:ssm PutParameterRequest.Value")
    if params.get("Tags") and params.get("Overwrite"):
        request.problem("Tags", "tags-and-overwrite", "refused together", "B:ssm PutParameterRequest.Tags (unverified)")
    if not params.get("Overwrite") and not params.get("Type"):
        request.problem("Type", "parameter-type", "needed for a new parameter", "B:ssm")
    gone = world.deleted.get(name)
    if gone and request.record.at - gone < 30:
        request.problem("Name", "parameter-again", f"{request.record.at - gone:.1f} s after it was deleted; wait 30 s",
                        "B:ssm DeleteParameter", "doubt")
    request.once_served(world.deleted.pop, name, None)


@rule("ssm", "DeleteParameter", "DeleteParameters")
def delete_parameter(request, params, world):
    names = params.get("Names") or [params.get("Name")]
    within(request, "Names", len(names), 1, 10, "names-10", "B:ssm")
    for name in names:
        request.once_served(world.deleted.__setitem__, name, request.record.at)


@rule("ssm", "GetParametersByPath")
def by_path(request, params, world):
    within(request, "MaxResults", params.get("MaxResults"), 1, 10, "page-size", "B:ssm")


@rule("ssm", "*Tags*")
def parameter_tags(request, params, world):
    if params.get("ResourceType") != "Parameter":
        request.problem("ResourceType", "tag-resource-type", repr(params.get("ResourceType")), "B:ssm", "doubt")
