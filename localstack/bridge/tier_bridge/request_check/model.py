"""Holds parameters against what AWS's model says of each: needed, type, range, length, pattern, enum, deprecated."""

import functools
import html
import itertools
import re
import sys
import unicodedata

from . import wire

SOFT = re.compile(r"\b(deprecated|no longer (?:supported|available|used)|will be retired|retired|legacy parameter)\b", re.I)
PROPERTY = re.compile(r"\\p\{(?:Is)?(\w+)\}")
# Names in the models that are none of Unicode's general categories.
NAMED = {"Alpha": ["L"], "Alnum": ["L", "N"], "Digit": ["Nd"], "Space": ["Z"]}


def plain(text):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text or ""))).strip()


@functools.cache
def runs():
    """Unicode's characters in order, as (category, first, last) of each run of one category."""
    found = itertools.groupby(range(sys.maxunicode + 1), lambda code: unicodedata.category(chr(code)))
    return [(name, codes[0], codes[-1]) for name, some in found if (codes := list(some))]


@functools.cache
def category(name):
    """The characters of a Unicode category (`L`, `Zs`), as they stand in a character class."""
    if name == "ASCII":
        return r"\x00-\x7f"
    wanted = tuple(NAMED.get(name, [name]))
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for one, first, last in runs() if one.startswith(wanted))


@functools.cache
def pattern(text):
    """A pattern of the models, which have \\p{…} as Java does, for Python. None: Python has no such pattern."""
    made, at, inside = [], 0, False
    while at < len(text):
        found = PROPERTY.match(text, at)
        if found:
            made.append(category(found[1]) if inside else f"[{category(found[1])}]")
            at = found.end()
            continue
        if text[at] == "\\":
            made.append(text[at : at + 2])
            at += 2
            continue
        inside = True if text[at] == "[" else False if text[at] == "]" else inside
        made.append(text[at])
        at += 1
    try:
        return re.compile("".join(made))
    except re.error:
        return None


@functools.cache
def in_words(model, shape, member):
    """Where a parameter's documentation says that it is of the past."""
    about = shapes(model).get(shape, {}).get("members", {}).get(member, {})
    says = plain(about.get("documentation"))
    found = SOFT.search(says)
    return f"… {says[max(0, found.start() - 90) : found.end() + 60]} …" if found else None


def shapes(model):
    return wire.service(model)._service_description["shapes"]


def check(request):
    shape = request.shape.input_shape
    if request.shape.deprecated:
        request.problem("", "deprecated", f"{request.operation} is deprecated", level="doubt")
    if shape is not None:
        Walk(request).value(shape, request.params, "")


class Walk:
    def __init__(self, request):
        self.request, self.raw = request, shapes(request.model)

    def value(self, shape, value, path):
        kind = shape.type_name
        if kind == "structure" and isinstance(value, dict):
            self.structure(shape, value, path)
        elif kind == "list" and isinstance(value, list):
            self.size(shape.metadata, len(value), path, "elements")
            for i, inner in enumerate(value):
                self.value(shape.member, inner, f"{path}[{i}]")
        elif kind == "string" and isinstance(value, str):
            self.text(shape.metadata, value, path)
        elif kind in ("integer", "long", "float", "double") and isinstance(value, (int, float)):
            self.size(shape.metadata, value, path, "")

    def text(self, meta, value, path):
        self.size(meta, len(value), path, "characters")
        wanted = meta.get("pattern")
        if wanted and (made := pattern(wanted)) and not made.fullmatch(value):
            self.request.problem(path, "pattern", f"{value!r} does not match {wanted}")
        if meta.get("enum") and value not in meta["enum"]:
            self.request.problem(path, "enum", f"{value!r} is none of {', '.join(meta['enum'][:12])} …")

    def size(self, meta, size, path, what):
        low, high = meta.get("min"), meta.get("max")
        if low is not None and size < low or high is not None and size > high:
            self.request.problem(path, "range", f"{size} {what} is not in {low}..{high}".replace("  ", " "))

    def structure(self, shape, value, path):
        for member in shape.required_members:
            if member not in value:
                self.request.problem(f"{path}.{member}".strip("."), "required", "it is required, and missing")
        if getattr(shape, "is_tagged_union", False) and len(value) != 1:
            self.request.problem(path, "union", f"exactly one of a union, and here are {sorted(value)}")
        members = self.raw.get(shape.name, {}).get("members", {})
        for member, inner in value.items():
            at = f"{path}.{member}" if path else member
            about = members.get(member, {})
            if about.get("deprecated") or self.raw.get(about.get("shape"), {}).get("deprecated"):
                why = about.get("deprecatedMessage") or "the model marks it so"
                self.request.problem(at, "deprecated", why, level="doubt")
            elif says := in_words(self.request.model, shape.name, member):
                self.request.problem(at, "deprecated-in-words", says, level="notice")
            self.value(shape.members[member], inner, at)
