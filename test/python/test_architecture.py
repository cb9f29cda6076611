"""Which package of the server may import which, as test/architecture.test.ts has it for src."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

# A package, or a module that is in none → what it may import. The list reads top to bottom: nothing
# imports a lower line.
may_import: dict[str, list[str]] = {
    "__init__": [],
    "errors": [],
    "events": [],
    "settings": [],
    "in_use": [],
    "scheduler": ["events"],
    "speculation": ["events"],
    "output": [],
    "repair": [],
    "text_calls": ["output", "repair"],
    "dialect": ["output", "repair", "text_calls"],
    "grammar": ["errors", "events", "dialect"],
    "prefix": ["events"],
    "prompt": ["errors", "events", "prefix"],
    "hub": ["errors"],
    "engine": ["errors", "events", "prefix"],
    "loaded": ["events", "dialect", "grammar", "prefix", "prompt", "engine"],
    "worker": ["errors", "events", "scheduler", "engine"],
    "mlx_engine": ["errors", "events", "settings", "speculation", "prefix", "hub"],
    "api": [
        *("errors", "events", "output", "dialect", "grammar", "prefix", "prompt"),
        *("loaded", "worker"),
    ],
    "__main__": [
        *("__version__", "errors", "events", "settings", "in_use", "dialect", "grammar"),
        *("prefix", "prompt", "engine", "loaded", "worker", "mlx_engine", "api"),
    ],
}
root = Path(__file__).parents[2] / "python" / "anyclaude_mlx"
files = sorted(path.relative_to(root) for path in root.rglob("*.py"))


@pytest.mark.parametrize("file", files, ids=str)
def test_a_module_imports_only_what_its_package_may(file: Path) -> None:
    own = file.parts[0].removesuffix(".py")

    imported = list(imports(file))

    ours = {parts[1] for parts in imported if parts[0] == root.name} - {own}
    assert ours - set(may_import[own]) == set()
    if own != "mlx_engine":
        assert not any(parts[0] in ("mlx", "mlx_lm") for parts in imported)


def imports(file: Path) -> Iterator[list[str]]:
    """Whole names in parts, wherever in the module they are imported."""
    here = [root.name, *file.parts[:-1]]
    for node in ast.walk(ast.parse((root / file).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".") for name in node.names)
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else []
            module = node.module.split(".") if node.module else []
            yield from ([*base, *module, name.name] for name in node.names)
