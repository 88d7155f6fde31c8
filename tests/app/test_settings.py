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


@pytest.mark.parametrize(
    "line",
    ['host = "a b"', 'allowed_hosts = ["*"]', 'allowed_hosts = ["kb.example.org:8400"]',
     'public_origin = "kb.example.org"', 'public_origin = "https://kb.example.org/"',
     'trusted_proxies = ["*"]'],
)  # fmt: skip
def test_address_that_could_never_match_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError, match=rf"setting 'server.{line.split(' ')[0]}"):
        load_settings(_file(tmp_path, f"[server]\n{line}"))


def test_lists_of_names_come_from_a_variable_with_commas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_SERVER__ALLOWED_HOSTS", "kb.example.org, kb")
    monkeypatch.setenv("TOUCHSTONE_SERVER__TRUSTED_PROXIES", "10.0.0.0/8")
    server = load_settings(_file(tmp_path, "")).server
    assert server.allowed_hosts == ("kb.example.org", "kb")
    assert server.trusted_proxies == ("10.0.0.0/8",)


def test_api_key_is_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load_settings(_file(tmp_path, '[models.generator]\napi_key = "secret-123"'))
    assert "secret-123" not in repr(settings)
