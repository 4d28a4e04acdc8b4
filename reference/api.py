"""The page of the REST API, from its OpenAPI description."""

from collections.abc import Iterator, Mapping
from typing import Any

from reference.text import line

REFERENCE = "#/components/schemas/"
NAMES = {"date-time": "time", "uuid": "uuid"}
ANYWHERE = ("401", "403", "421", "422", "503")


def told(description: Mapping[str, Any]) -> Iterator[str]:
    """The page's lines: what every request may answer, each request, each kind of object."""
    paths, schemas = description["paths"], description["components"]["schemas"]
    requests = [(path, method, told) for path, methods in sorted(paths.items()) for method, told in methods.items()]
    yield from ("", "How to sign in: [the console](../console.md).")
    yield from _refusals([told for _, _, told in requests])
    for path, method, request in requests:
        yield from ("", f"## {method.upper()} {path}", "", line(request.get("description") or request["summary"]))
        yield from _parameters(request.get("parameters", []))
        yield from _bodies(request)
    yield from ("", "## Objects", "", "Times are in UTC, as ISO 8601; what is money is a decimal number in a string.")
    for name in sorted(_used(requests, schemas)):
        yield from _object(name, schemas[name])


def _refusals(requests: list[Mapping[str, Any]]) -> Iterator[str]:
    """Those that any request may get."""
    meanings = {code: answer["description"] for told in requests for code, answer in told["responses"].items()}
    yield from ("", "Any request may be refused, with a [`Problem`](#problem) that says why:", "")
    yield from ("| status | |", "|---|---|")
    yield from (f"| {code} | {line(meanings[code])} |" for code in ANYWHERE if code in meanings)


def _parameters(parameters: list[Mapping[str, Any]]) -> Iterator[str]:
    if parameters:
        yield from ("", "| parameter | in | type | if not given | |", "|---|---|---|---|---|")
    for one in parameters:
        schema, meaning = one["schema"], line(one.get("description"))
        left_out = "required" if one.get("required") else _default(schema)
        yield f"| `{one['name']}` | {one['in']} | {_type(schema)} | {left_out} | {meaning} |"


def _bodies(request: Mapping[str, Any]) -> Iterator[str]:
    if "requestBody" in request:
        yield from ("", f"Takes: {_content(request['requestBody'])}.")
    for code, answer in sorted(request["responses"].items()):
        if code < "300":
            yield from ("", f"Answers {code}: {_content(answer)}.")
        elif code not in ANYWHERE:
            yield from ("", f"{code}: {line(answer['description'])}")


def _content(body: Mapping[str, Any]) -> str:
    kinds = body.get("content", {})
    told = [_type(one["schema"]) if one.get("schema") else f"`{kind}`" for kind, one in kinds.items()]
    return " or ".join(told) or "nothing"


def _object(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", f"### {name}", "", line(schema.get("description") or "One of these:"))
    if "enum" in schema:
        yield from ("", _values(schema["enum"]))
        return
    yield from ("", "| field | type | if not given | |", "|---|---|---|---|")
    for field, one in schema.get("properties", {}).items():
        needed = "" if field in schema.get("required", []) else _default(one) or "empty"
        yield f"| `{field}` | {_type(one)} | {needed} | {line(one.get('description'))} |"


def _type(schema: Mapping[str, Any]) -> str:
    """In words, with a link where it is an object of ours."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REFERENCE)
        return f"[`{name}`](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return _values(schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"{_type(schema['additionalProperties'])} by name"
    return NAMES.get(schema.get("format", "")) or schema.get("const") or schema.get("type", "anything")


def _values(values: list[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _default(schema: Mapping[str, Any]) -> str:
    return f"`{schema['default']}`" if schema.get("default") not in (None, "") else ""


def _used(requests: list[tuple[str, str, Mapping[str, Any]]], schemas: Mapping[str, Any]) -> set[str]:
    """Objects that a request takes or answers when it is not refused, and what they are made of."""
    found: set[str] = {"Problem"}
    new = set().union(*(_named(one) for _, _, one in requests)) | found
    while new:
        found |= new
        new = set().union(*(_named(schemas[name]) for name in new)) - found
    return found


def _named(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        own = {part["$ref"].removeprefix(REFERENCE)} if "$ref" in part else set()
        return own.union(*(_named(one) for code, one in part.items() if code not in ANYWHERE))
    return set().union(*map(_named, part)) if isinstance(part, list) else set()
