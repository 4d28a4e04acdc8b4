"""The example file and the page of settings say what the settings are."""

import re
import runpy
from pathlib import Path

import pytest

from app.settings import Settings
from app.settings.pages import env_example, settings_page
from app.settings.reading import load

ROOT = Path(__file__).parents[3]


def test_the_example_file_is_current() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run: make env"


def test_the_page_is_current() -> None:
    current = (ROOT / "docs" / "settings.md").read_text() == settings_page()
    assert current, "run: python -m app.settings docs > docs/settings.md"


@pytest.mark.parametrize(("arguments", "text"), [([], env_example()), (["docs"], settings_page())])
def test_the_module_prints_both(
    arguments: list[str], text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["settings", *arguments])
    runpy.run_module("app.settings", run_name="__main__")

    assert capsys.readouterr().out == text


@pytest.mark.parametrize("text", [env_example(), settings_page()])
def test_every_setting_is_explained(text: str) -> None:
    for name, field in Settings.model_fields.items():
        assert f"CDB_{name.upper()}" in text
        assert field.description
        assert field.description in text


def test_the_example_with_every_line_switched_on_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = load()
    lines = env_example().replace("#CDB_", "CDB_").splitlines()
    (tmp_path / ".env").write_text("\n".join(re.sub(r"=   \(default: .*", "=", line) for line in lines))

    assert load().model_dump() == plain.model_dump()
