"""Configuration files: where they are found and how they are read."""

from pathlib import Path

import pytest

from stepwell.server.config_file import ConfigFile, find_config, read_config
from stepwell.server.errors import ConfigFileUnreadable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "service"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class TestFinding:
    def test_without_a_file_there_are_no_values(self, directory: Path, home: Path) -> None:
        assert find_config(directory, home) == ConfigFile()

    def test_our_names_come_before_theirs(self, directory: Path, home: Path) -> None:
        write(directory / "inngest.json", '{"port": 1}')
        ours = write(directory / "stepwell.yml", "port: 2")

        assert find_config(directory, home) == ConfigFile(ours, {"port": 2})

    def test_the_nearest_directory_comes_first(self, directory: Path, home: Path) -> None:
        write(directory.parent / "stepwell.yaml", "port: 1")
        nearest = write(directory / "inngest.yaml", "port: 2")

        assert find_config(directory, home).path == nearest

    def test_directories_above_and_the_home_directory_are_searched(
        self, directory: Path, home: Path
    ) -> None:
        at_home = write(home / ".config" / "inngest" / "inngest.json", '{"port": 1}')
        assert find_config(directory, home).path == at_home

        above = write(directory.parent / "stepwell.json", '{"port": 2}')
        assert find_config(directory, home).path == above

    def test_a_file_that_cannot_be_read_is_skipped_with_a_note(
        self, directory: Path, home: Path
    ) -> None:
        broken = write(directory / "stepwell.json", "{port: 1}")
        good = write(directory / "stepwell.yaml", "port: 1")

        found = find_config(directory, home)

        assert (found.path, found.values) == (good, {"port": 1})
        (note,) = found.notes
        assert str(broken) in note


class TestReading:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.json", '{"port": 1, "sdk-url": ["http://a"]}'),
            ("a.yaml", "port: 1\nsdk-url:\n  - http://a\n"),
            ("a.conf", "port: 1\nsdk-url: [http://a]"),
            ("a", '{"port": 1, "sdk-url": ["http://a"]}'),
        ],
    )
    def test_json_and_yaml(self, tmp_path: Path, name: str, text: str) -> None:
        path = write(tmp_path / name, text)

        assert read_config(path) == ConfigFile(path, {"port": 1, "sdk-url": ["http://a"]})

    def test_a_file_of_comments_has_no_values(self, tmp_path: Path) -> None:
        assert read_config(write(tmp_path / "a.yaml", "# port: 1\n")).values == {}

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("a.json", "{", "truncated"),
            ("a.json", "[1]", "names and values"),
            ("a.yaml", "- a\n- b\n", "names and values"),
            ("a.yaml", "a: b: c\nsigning-key: abcd", "in line 1"),
            ("a.yaml", "a: \x00", "special characters"),
            ("a.yaml", "#" * (1024 * 1024 + 1), "larger than"),
        ],
    )
    def test_why_a_file_cannot_be_read(
        self, tmp_path: Path, name: str, text: str, reason: str
    ) -> None:
        path = write(tmp_path / name, text)

        with pytest.raises(ConfigFileUnreadable, match=reason) as raised:
            read_config(path)

        assert str(path) in str(raised.value)
        assert "abcd" not in str(raised.value)

    def test_a_directory_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigFileUnreadable, match="directory"):
            read_config(tmp_path)
