"""The units of systemd are valid, hardened, and start what there is; the installer puts them in place."""

import configparser
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.integration

ROOT = settings.BASE_DIR
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
CURRENT = "/opt/virterweb/current"
HARDENED = {
    "user": "virterweb",
    "supplementarygroups": "libvirt",
    "umask": "0077",
    "nonewprivileges": "yes",
    "capabilityboundingset": "",
    "protectsystem": "strict",
    "protecthome": "yes",
    "privatetmp": "yes",
    "restrictnamespaces": "yes",
}


class Unit(configparser.RawConfigParser):
    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, comment_prefixes=("#", ";"))
        self.read(path)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_each_unit_is_hardened_and_runs_a_file_of_the_release(path: Path):
    service = Unit(path)["Service"]
    assert {name: service.get(name) for name in HARDENED} == HARDENED
    program = Path(service["execstart"].split()[0].replace(CURRENT, str(ROOT)))
    assert program.stat().st_mode & stat.S_IXUSR
    assert Path(service["workingdirectory"]) == Path(CURRENT)


def test_the_units_for_web_server_and_worker_differ_only_in_what_they_run():
    web, worker = (path.read_text().splitlines() for path in UNITS if "migrate" not in path.name)
    differences = {line.split("=")[0] for line in set(web) ^ set(worker)}
    assert differences == {"Description", "ExecStart", "LimitNOFILE"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path):
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(CURRENT, str(ROOT)))
    units = [str(tmp_path / path.name) for path in UNITS]
    command = ["systemd-analyze", "verify", "--man=no", "--generators=no", "--recursive-errors=no", *units]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, [line for line in done.stderr.splitlines() if "virterweb" in line]) == (
        0,
        "",
        [],
    )


@pytest.mark.parametrize("program", ["systemd-sysusers", "systemd-tmpfiles"])
def test_systemd_accepts_the_user_and_the_folders(tmp_path: Path, program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    (tmp_path / "etc").mkdir()
    kind = program.removeprefix("systemd-")
    sysusers = ["systemd-sysusers", f"--root={tmp_path}", str(ROOT / "deploy/systemd/sysusers.conf")]
    if kind == "sysusers":
        subprocess.run(sysusers, check=True, capture_output=True)
        assert "virterweb" in (tmp_path / "etc/passwd").read_text()
        assert "libvirt:x" in (tmp_path / "etc/group").read_text()
        return
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nvirterweb:x:0:0::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nvirterweb:x:0:\n")
    conf = ROOT / "deploy/systemd/tmpfiles.conf"
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}", str(conf)], check=True)
    assert stat.S_IMODE((tmp_path / "var/lib/virterweb").stat().st_mode) == 0o700


def test_the_installer_puts_a_release_beside_the_earlier_one_and_keeps_settings(tmp_path: Path):
    command = [sys.executable, str(ROOT / "deploy/install.py"), "--root", str(tmp_path)]
    subprocess.run(command, check=True)
    current = tmp_path / "opt/virterweb/current"
    assert (current / "script/server").stat().st_mode & stat.S_IXUSR
    assert (current / "virterweb/settings.py").exists()
    assert not list(current.rglob("__pycache__"))
    assert not (current / "tests").exists()
    for path in UNITS:
        assert (tmp_path / "etc/systemd/system" / path.name).read_bytes() == path.read_bytes()
    environment = tmp_path / "etc/virterweb/virterweb.env"
    environment.write_text("VIRTERWEB_LOG=json\n")
    (tmp_path / "opt/virterweb/0.0.1-00000000").mkdir()
    current.unlink()
    current.symlink_to("0.0.1-00000000")
    subprocess.run(command, check=True)
    assert current.resolve().name != "0.0.1-00000000"
    assert environment.read_text() == "VIRTERWEB_LOG=json\n"
    assert len([path for path in (tmp_path / "opt/virterweb").iterdir() if not path.is_symlink()]) == 2
