"""Lists in pages, which moto mostly has not: as asked, and with TIER_PAGE even unasked."""

from ..call import fault
from ..pages import continued, keep
from ..settings import PAGE

# api -> names of the page size, of the token asked with, of the token answered with, and the range of the size
PAGED = {
    "ec2": ("MaxResults", "NextToken", "NextToken", range(5, 1001)),
    "elbv2": ("PageSize", "Marker", "NextMarker", range(1, 401)),
    "rds": ("MaxRecords", "Marker", "Marker", range(20, 101)),
}
# Of these moto makes pages itself, once it is asked to: (api, operation) -> name of the page size
ASKED = {
    ("iam", "ListRolePolicies"): "MaxItems",
    ("iam", "ListAttachedRolePolicies"): "MaxItems",
    ("route53", "ListHostedZones"): "MaxItems",
    ("route53", "ListResourceRecordSets"): "MaxItems",
    ("ssm", "DescribeParameters"): "MaxResults",
    ("ssm", "GetParametersByPath"): "MaxResults",
    ("secretsmanager", "ListSecrets"): "MaxResults",
}


def has_pages(call):
    """Whether AWS answers this operation in pages: some lists of these services come whole, always."""
    return call.api in PAGED and PAGED[call.api][0] in call.context.operation.input_shape.members


def ask_for_pages(call):
    size_key = ASKED.get((call.api, call.op))
    if PAGE and size_key and not call.get(size_key):
        call.change({**call.request, size_key: str(PAGE) if call.api == "route53" else PAGE})


def checked_size(call, size_key, allowed):
    size = call.get(size_key)
    if size is not None and int(size) not in allowed:
        code = {"ec2": "InvalidParameterValue", "elbv2": "ValidationError", "rds": "InvalidParameterValue"}[call.api]
        raise fault(code, f"Value ( {size} ) for parameter {size_key} is invalid.")
    if size and call.op == "DescribeInstances" and call.get("InstanceIds"):
        raise fault(
            "InvalidParameterCombination",
            "The parameter instancesSet cannot be used with the parameter maxResults",
        )
    return int(size or 0)


def paged(call, act):
    size_key, ask_key, answer_key, allowed = PAGED[call.api]
    named = any(k.endswith(("Ids", "Arns", "Names")) for k in call.request)
    size = checked_size(call, size_key, allowed) or (0 if named else PAGE)
    token = call.get(ask_key)
    call.change({k: v for k, v in call.request.items() if k not in (size_key, ask_key)})
    if token:
        answer, name, whole = continued(call, token, "InvalidNextToken" if call.api == "ec2" else "ValidationError")
    else:
        answer = act()
        lists = [k for k, v in answer.items() if isinstance(v, list)]
        answer.pop(answer_key, None)
        if len(lists) != 1:
            return answer
        name = lists[0]
        whole = answer.pop(name)
    page = {**answer, name: whole[:size] if size else whole}
    if size and len(whole) > size:
        page[answer_key] = keep(call, answer, name, whole[size:])
    return page
