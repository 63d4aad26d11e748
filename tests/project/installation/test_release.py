"""Another release of Debian: its unpacked files are removed with it, also after a killed run."""

import subprocess
from pathlib import Path

import pytest
import release
from prepare import SetupError


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive with the needed folders only."""
    for folder in ("etc", "usr/sbin", "usr/local/share", "srv"):
        (tmp_path / "bare" / folder).mkdir(parents=True)
    subprocess.run(["tar", "-cf", tmp_path / "bare.tar", "-C", tmp_path / "bare", "."], check=True)
    monkeypatch.setattr(release, "FOLDER", tmp_path / "releases")
    (tmp_path / "releases").mkdir()
    return tmp_path / "bare.tar"


def test_the_root_has_the_project_and_is_gone_afterwards(bare):
    left = release.FOLDER / "root-0"  # no process has this number
    (left / "etc").mkdir(parents=True)
    with release.unpacked(bare) as root:
        assert not left.exists()
        project = root / release.PROJECT.relative_to("/")
        assert (project / "script/test").read_bytes() == Path(release.__file__).with_name("test").read_bytes()
        assert not (project / ".venv").exists()
        assert (root / "etc/resolv.conf").read_bytes() == Path("/etc/resolv.conf").read_bytes()
    assert list(release.FOLDER.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../../etc", "trixie;reboot"])
def test_an_unknown_name_of_a_release_is_refused(name):
    with pytest.raises(SetupError, match="is no release of Debian"):
        release.run(name, [])
