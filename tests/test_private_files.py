"""Reading a secret: only from a file that its owner alone may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cds_hooks.errors import ChartsideError
from cds_hooks.private_files import OTHERS, read_private


class Refused(ChartsideError):
    code = "refused"


def _read(path: Path, **options: int) -> bytes:
    return read_private(path, what="the key", hint="Set it.", error=Refused, **options)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(b"s\xe9cret")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_file_of_its_owner_is_read_as_it_is(key: Path, mode: int) -> None:
    key.chmod(mode)
    assert _read(key) == b"s\xe9cret"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601])
def test_any_right_of_group_or_others_refuses_it(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(Refused, match=r"^group or others may read the key$") as refused:
        _read(key)
    assert refused.value.where == str(key)
    assert f"chmod 600 {key}" in refused.value.hint


def test_a_credential_may_have_rights_of_its_group_and_none_of_others(key: Path) -> None:
    key.chmod(0o440)
    assert _read(key, others=OTHERS) == b"s\xe9cret"
    key.chmod(0o444)
    with pytest.raises(Refused, match=r"^others may read the key$"):
        _read(key, others=OTHERS)


def test_what_is_no_file_cannot_be_read_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "missing", "."):
        with pytest.raises(Refused, match="cannot be read") as refused:
            _read(tmp_path / name)
        assert refused.value.hint == "Set it."
