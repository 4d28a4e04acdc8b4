"""Every module in tests/fixtures is a pytest plugin, found by its name."""

from pathlib import Path

pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "fixtures").glob("*.py"))
    if not module.stem.startswith("_")
]
