"""A text becomes what its schema says, or nothing."""

from __future__ import annotations

import pytest

from anyclaude_mlx.repair.argument_types import converted, types_of


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "integer"}, {"integer"}),
        ({"type": ["integer", "null"]}, {"integer", "null"}),
        ({"type": "integer", "nullable": True}, {"integer", "null"}),
        ({"enum": [1, "a", None]}, {"number", "string", "null"}),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, {"array", "null"}),
        ({"oneOf": [{"type": "array"}, {}]}, None),
        ({"type": "odd"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_types_of_a_schema_are_known_where_it_says_them(
    schema: object, types: set[str] | None
) -> None:
    assert types_of(schema) == types


@pytest.mark.parametrize(
    ("text", "types", "json"),
    [
        (" 12\n", {"integer"}, "12"),
        ("1.5", {"integer"}, None),
        ("1.0", {"integer"}, "1.0"),
        ("1.5", {"number"}, "1.5"),
        ("01", {"number"}, None),
        ("True", {"boolean"}, "true"),
        ("1", {"boolean"}, None),
        ("None", {"null", "integer"}, "null"),
        ("[1, 'a']", {"array"}, '[1, "a"]'),
        ('{"a": 1} b', {"object"}, None),
        ("{", {"object"}, None),
        ("[1]", {"object"}, None),
    ],
)
def test_a_text_is_converted_only_to_what_is_allowed(
    text: str, types: set[str], json: str | None
) -> None:
    assert converted(text, types) == json
