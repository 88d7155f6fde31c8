from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import load_settings


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "touchstone.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_file_sets_a_value(tmp_path: Path) -> None:
    assert load_settings(_file(tmp_path, "[retrieval]\ntop_k = 50")).retrieval.top_k == 50


def test_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_RETRIEVAL__TOP_K", "40")
    assert load_settings(_file(tmp_path, "[retrieval]\ntop_k = 50")).retrieval.top_k == 40


def test_data_dir_variable_says_where_everything_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOUCHSTONE_DATA_DIR", str(tmp_path / "kept"))
    assert load_settings(_file(tmp_path, "")).data_dir == tmp_path / "kept"


def test_unknown_key_is_refused_in_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^unknown setting 'retrieval.topk' .*remove it or correct"
    ) as error:
        load_settings(_file(tmp_path, "[retrieval]\ntopk = 50"))
    assert "\n" not in str(error.value)


def test_unknown_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_PROFIL", "qwen")
    with pytest.raises(SettingsError, match="unknown setting 'profil' \\(variable TOUCHSTONE_PROFIL\\)"):
        load_settings(_file(tmp_path, ""))


def test_value_out_of_range_names_setting_and_value(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"setting 'retrieval.top_k' .* cannot be 0: .*greater than or equal to 1"
    ):
        load_settings(_file(tmp_path, "[retrieval]\ntop_k = 0"))


def test_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"touchstone\.toml is not valid TOML"):
        load_settings(_file(tmp_path, "[retrieval"))


def test_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere.toml does not exist"):
        load_settings(tmp_path / "nowhere.toml")


def test_server_refuses_to_bind_beyond_this_machine(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"server.host"):
        load_settings(_file(tmp_path, '[server]\nhost = "0.0.0.0"'))


def test_api_key_is_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load_settings(_file(tmp_path, '[models.generator]\napi_key = "secret-123"'))
    assert "secret-123" not in repr(settings)
