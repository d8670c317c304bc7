from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import files

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_written_whole_into_a_folder_that_is_made(tmp_path: Path):
    path = tmp_path / "new" / "script"
    files.write(path, "one")
    files.write(path, "zwölf", executable=True)

    assert path.read_text(encoding="utf-8") == "zwölf"
    assert path.stat().st_mode & 0o777 == 0o755
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["a text", "\ud800"], ids=["in the way of a folder", "not to be encoded"])
def test_a_write_that_fails_leaves_all_as_it_was(tmp_path: Path, text: str):
    (tmp_path / "there" / "inside").mkdir(parents=True)
    with pytest.raises((OSError, UnicodeEncodeError)):
        files.write(tmp_path / "there", text)

    assert [path.name for path in tmp_path.iterdir()] == ["there"]
