"""From an HTTP request back to an operation and its parameters, by AWS's own model (botocore's service-2.json).

Four protocols are taken apart: ec2, query, json and rest-xml. What the model does not know is a problem, and so is what
the protocol does not allow: a gap in a list's numbers, a number that is none.
"""

import base64
import functools
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import botocore.loaders
import botocore.model

# The signing name in the credential scope -> the name of the model.
MODELS = {"ec2": "ec2", "elasticloadbalancing": "elbv2", "elasticache": "elasticache", "rds": "rds", "route53": "route53",
          "iam": "iam", "ssm": "ssm", "sts": "sts", "acm": "acm", "secretsmanager": "secretsmanager", "kms": "kms",
          "dynamodb": "dynamodb"}


@functools.cache
def service(name):
    loader = botocore.loaders.Loader()
    return botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)


@dataclass
class Problem:
    """Something that the model, or a rule, does not allow."""

    parameter: str
    rule: str
    says: str
    source: str
    level: str = "violation"  # violation: AWS refuses | doubt: the documents say so, AWS may not | notice


@dataclass
class Record:
    """What came over the wire."""

    service: str  # the signing name in the credential scope
    region: str
    method: str
    path: str  # with the query
    headers: dict
    body: bytes
    at: float = 0.0  # seconds, of any clock that only goes forward


@dataclass
class Request:
    """A request, taken apart."""

    record: Record
    model: str = ""
    operation: str = ""
    shape: object = None
    params: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)
    afterwards: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.model}:{self.operation}"

    def once_served(self, act, *arguments):
        """Do this when the service has done what was asked; a request that was refused changes nothing."""
        self.afterwards.append((act, arguments))

    def problem(self, parameter, rule, says, source=None, level="violation"):
        source = source or f"botocore {self.model}/service-2.json"
        self.problems.append(Problem(parameter, rule, says, source, level))


def parse(record):
    request = Request(record, MODELS.get(record.service, ""))
    if not request.model:
        request.problem("", "unknown-service", f"signed for {record.service!r}", "botocore data/")
        return request
    model = service(request.model)
    headers = {k.lower(): v for k, v in record.headers.items()}
    protocol = model.metadata["protocol"]
    READERS[protocol](request, model, headers, record.body)
    return request


def operation(request, model, name):
    request.operation = name
    if name not in model.operation_names:
        request.problem("", "unknown-operation", f"{name!r} is no operation of {request.model}")
        return None
    request.shape = model.operation_model(name)
    return request.shape.input_shape


# ------------------------------------------------------------------------------------------------ ec2 and query


def form(request, model, headers, body):
    if request.record.method != "POST" or not headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"):
        request.problem("", "protocol", f"{request.record.method} with {headers.get('content-type')}")
    pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body))
    flat = dict(pairs)
    if len(flat) != len(pairs):
        request.problem("", "protocol", "a parameter is there twice")
    shape = operation(request, model, flat.pop("Action", ""))
    version = flat.pop("Version", None)
    if version != model.api_version:
        request.problem("Version", "api-version", f"{version!r} is not {model.api_version}")
    if request.shape is None:
        return
    used = set()
    if shape is not None:
        reader = Form(request, flat, used, ec2=model.metadata["protocol"] == "ec2")
        request.params = reader.structure(shape, "", "") or {}
    for key in sorted(set(flat) - used):
        request.problem(key, "unknown-parameter", f"the model has no {key!r} here")


class Form:
    """Reads flattened parameters by shape."""

    def __init__(self, request, flat, used, ec2):
        self.request, self.flat, self.used, self.ec2 = request, flat, used, ec2

    def name(self, shape, default):
        given = shape.serialization.get("name")
        if self.ec2:
            return shape.serialization.get("queryName") or (given[0].upper() + given[1:] if given else default)
        return given or default

    def value(self, shape, prefix, path):
        if shape.type_name == "structure":
            return self.structure(shape, prefix, path)
        if shape.type_name == "list":
            return self.list(shape, prefix, path)
        if prefix not in self.flat:
            return None
        self.used.add(prefix)
        return scalar(self.request, shape, self.flat[prefix], path)

    def structure(self, shape, prefix, path):
        found = {}
        for member, of in shape.members.items():
            name = self.name(of, member)
            full = f"{prefix}.{name}" if prefix else name
            value = self.value(of, full, f"{path}.{member}" if path else member)
            if value is not None:
                found[member] = value
        return found or None

    def list(self, shape, prefix, path):
        if prefix in self.flat and self.flat[prefix] == "":  # how the query protocol writes an empty list
            self.used.add(prefix)
            return []
        if not self.ec2:
            if shape.serialization.get("flattened"):
                own = self.name(shape.member, "")
                prefix = ".".join([*prefix.split(".")[:-1], own]) if own else prefix
            else:
                prefix = f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        numbers = sorted({int(m.group(1)) for key in self.flat
                          if (m := re.match(re.escape(prefix) + r"\.(\d+)(?:\.|$)", key))})
        if not numbers:
            return None
        if numbers != list(range(1, len(numbers) + 1)):
            self.request.problem(path, "protocol", f"the list is numbered {numbers}")
        return [self.value(shape.member, f"{prefix}.{n}", f"{path}[{i}]") for i, n in enumerate(numbers)]


def scalar(request, shape, text, path):
    kind = shape.type_name
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            request.problem(path, "type", f"{text!r} is no {kind}")
            return None
        return int(text)
    if kind in ("float", "double"):
        return float(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            request.problem(path, "type", f"{text!r} is no boolean")
        return text == "true"
    if kind == "blob":
        return base64.b64decode(text)
    return text


# ---------------------------------------------------------------------------------------------------------- json


def json_body(request, model, headers, body):
    target = headers.get("x-amz-target", "")
    prefix, _, name = target.rpartition(".")
    if prefix != model.metadata["targetPrefix"]:
        request.problem("X-Amz-Target", "protocol", f"{target!r} is not for {model.metadata['targetPrefix']}")
    wanted = f"application/x-amz-json-{model.metadata['jsonVersion']}"
    if headers.get("content-type") != wanted:
        request.problem("Content-Type", "protocol", f"{headers.get('content-type')!r} is not {wanted}")
    shape = operation(request, model, name)
    params = json.loads(body or b"{}")
    if shape is not None:
        request.params = json_value(request, shape, params, "")


def json_value(request, shape, value, path):
    kind = shape.type_name
    wanted = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int,
              "timestamp": (int, float)}.get(kind)
    if wanted and (not isinstance(value, wanted) or isinstance(value, bool) and kind != "boolean"):
        request.problem(path, "type", f"{value!r} is no {kind}")
        return value
    if kind == "structure":
        names = {of.serialization.get("name", member): (member, of) for member, of in shape.members.items()}
        found = {}
        for key, inner in value.items():
            at = f"{path}.{key}" if path else key
            if key not in names:
                request.problem(at, "unknown-parameter", f"the model has no {key!r} here")
            else:
                found[names[key][0]] = json_value(request, names[key][1], inner, at)
        return found
    if kind == "list":
        return [json_value(request, shape.member, inner, f"{path}[{i}]") for i, inner in enumerate(value)]
    return base64.b64decode(value) if kind == "blob" else value


# ------------------------------------------------------------------------------------------------------ rest-xml


def rest_xml(request, model, headers, body):
    path, _, query = request.record.path.partition("?")
    for name in model.operation_names:
        one = model.operation_model(name)
        template, _, fixed = one.http["requestUri"].partition("?")
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda m: f"(?P<{m.group(1)}>{'.+' if m.group(2) else '[^/]+'})",
                         re.escape(template))
        match = re.fullmatch(pattern.rstrip("/") + "/?", path)
        if match and one.http["method"] == request.record.method:
            break
    else:
        request.operation = f"{request.record.method} {path}"
        request.problem("", "unknown-operation", "no operation has this method and path")
        return
    shape = operation(request, model, name)
    asked = dict(parse_qsl(query, keep_blank_values=True))
    rest = dict(shape.members) if shape is not None else {}
    for member, of in list(rest.items()):
        where, called = of.serialization.get("location"), of.serialization.get("name", member)
        if where == "uri":
            request.params[member] = unquote(match.group(called))
        elif where == "querystring" and called in asked:
            request.params[member] = scalar(request, of, asked.pop(called), member)
        if where:
            rest.pop(member)
    for key in asked:
        request.problem(key, "unknown-parameter", f"the model has no query parameter {key!r}")
    if not body:
        return
    if headers.get("content-type") not in (None, "application/xml", "text/xml"):
        request.problem("Content-Type", "protocol", f"{headers.get('content-type')!r} is no XML")
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        request.problem("", "protocol", f"the body is no XML: {error}")
        return
    wanted = shape.serialization.get("name", shape.name)
    space = (shape.serialization.get("xmlNamespace") or {}).get("uri", "")
    if root.tag != (f"{{{space}}}{wanted}" if space else wanted):
        request.problem("", "protocol", f"the root is {root.tag}, not {wanted} in {space}")
    request.params.update(xml_members(request, rest, root, ""))


def local(element):
    return element.tag.rpartition("}")[2]


def xml_members(request, members, element, path):
    names = {of.serialization.get("name", member): (member, of) for member, of in members.items()}
    found = {}
    for child in element:
        at = f"{path}.{local(child)}" if path else local(child)
        if local(child) not in names:
            request.problem(at, "unknown-parameter", f"the model has no {local(child)!r} here")
            continue
        member, of = names[local(child)]
        found[member] = xml_value(request, of, child, at)
    return found


def xml_value(request, shape, element, path):
    if shape.type_name == "structure":
        return xml_members(request, shape.members, element, path)
    if shape.type_name == "list":
        wanted = shape.member.serialization.get("name", "member")
        for child in element:
            if local(child) != wanted:
                request.problem(path, "unknown-parameter", f"{local(child)!r} in a list of {wanted}")
        return [xml_value(request, shape.member, child, f"{path}[{i}]") for i, child in enumerate(element)]
    return scalar(request, shape, element.text or "", path)


# By protocol. A service of another one is not served: the tests insist on it.
READERS = {"ec2": form, "query": form, "json": json_body, "rest-xml": rest_xml}
