"""
What type an argument is to have, and a text as JSON of it. Pure; says the same as
src/translate/repair/argument-types.ts.
"""

from __future__ import annotations

from .mended import mended, number

kinds = {"string", "number", "integer", "boolean", "null", "object", "array"}
of_python = {str: "string", bool: "boolean", int: "number", float: "number"}
of_python |= {type(None): "null", dict: "object", list: "array"}


def types_of(schema: object) -> set[str] | None:
    """By JSON schema's names; None where it does not say."""
    if not isinstance(schema, dict):
        return None
    choices = schema.get("anyOf", schema.get("oneOf"))
    kind, values = schema.get("type"), schema.get("enum")
    if kind is None and isinstance(choices, list):
        each = [types_of(choice) for choice in choices]
        return None if None in each else {name for found in each for name in found or ()}
    if kind is None:
        found = [of_python[type(value)] for value in values] if isinstance(values, list) else []
    else:
        found = kind if isinstance(kind, list) else [kind]
    types = {str(name) for name in found} | ({"null"} if schema.get("nullable") is True else set())
    return types if types and types <= kinds else None


def converted(text: str, types: set[str]) -> str | None:
    """JSON of one of the types; None where that cannot be what was meant."""
    text = text.strip()
    if "boolean" in types and text.lower() in ("true", "false"):
        return text.lower()
    if "null" in types and text in ("null", "None"):
        return "null"
    if number.fullmatch(text):
        whole = "integer" in types and float(text).is_integer()
        return text if "number" in types or whole else None
    nested = {"{": "object", "[": "array"}.get(text[:1])
    if nested not in types:
        return None
    try:
        found = mended(text)
    except ValueError:
        return None
    return found.json if found.end == len(text) else None
