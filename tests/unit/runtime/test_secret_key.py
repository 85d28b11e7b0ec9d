"""The key for secrets at rest: made once, for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import ConfigurationError
from provenance.runtime.secret_key import read_or_make_key, read_secret


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "staff.key"
    key = read_or_make_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_make_key(path) == key
    assert read_or_make_key(tmp_path / "other.key") != key


def test_one_that_others_may_read_or_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "staff.key"
    read_or_make_key(path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match=r"only its owner may read .* got mode 640"):
        read_or_make_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="expected a key of 32 bytes, got 5"):
        read_or_make_key(path)
    path.write_bytes(bytes(5000))
    with pytest.raises(ConfigurationError, match="at most 4096 bytes"):
        read_secret(path)
    with pytest.raises(ConfigurationError, match="cannot be read: no such file"):
        read_secret(tmp_path / "nothing")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        read_or_make_key(path / "below a file")
