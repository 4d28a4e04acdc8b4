"""Every module in tests/fixtures is a pytest plugin, found by its name; and no test knows of a farm that lives here."""

from pathlib import Path

from app.settings.apart import live_apart

live_apart({})  # a checkout may hold the .env of a farm with real money

pytest_plugins = [
    f"tests.fixtures.{module.stem}"
    for module in sorted((Path(__file__).parent / "fixtures").glob("*.py"))
    if not module.stem.startswith("_")
]
