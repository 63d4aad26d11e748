#!/usr/bin/env python3
"""Installs this release under /opt/virterweb, with units for systemd and data under /var/lib/virterweb.

Run it as root from an unpacked release: `deploy/install.py`. It may be run again, and each release stays beside the
earlier ones until it is complete; the last three are kept. Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "script"))

import prepare  # noqa: E402, it is found there

PARTS = ("LICENSE", "manage.py", "pyproject.toml", "requirements.txt", "requirements-dev.txt")
PARTS += ("requirements-ldap.txt",)
PARTS += ("deploy", "docs", "networks", "script", "static", "templates", "virterweb", "vms")
OPT = Path("opt/virterweb")
UNITS = ("virterweb-web.service", "virterweb-worker.service")
FILES = {
    **{f"systemd/{unit}": f"etc/systemd/system/{unit}" for unit in (*UNITS, "virterweb-migrate.service")},
    "systemd/sysusers.conf": "usr/lib/sysusers.d/virterweb.conf",
    "systemd/tmpfiles.conf": "usr/lib/tmpfiles.d/virterweb.conf",
    "systemd/virterweb": "usr/local/bin/virterweb",
}
SETTINGS = ("systemd/virterweb.env", "etc/virterweb/virterweb.env")
KEPT = 3  # releases, for a way back
NEXT = """\
Virterweb is installed. Edit /etc/virterweb/virterweb.env, then start it:

    systemctl enable --now {units}

The password of the user admin is in the log: journalctl -u virterweb-migrate
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Install this release of the portal.")
    parser.add_argument(
        "--root", type=Path, help="only put the files below this folder, for a package or an image of a machine"
    )
    options = parser.parse_args()
    prepare.check_python()
    if options.root:
        put_files(options.root, put_release(options.root))
        return
    if os.geteuid() != 0:
        raise prepare.SetupError("Run this as root, for it creates a user and units of systemd.")
    prepare.install(prepare.BUILD)
    release = put_release(Path("/"))
    prepare.run([sys.executable, "-c", "import prepare; prepare.make_venv()"], cwd=release / "script")
    put_files(Path("/"), release)
    prepare.run(["systemd-sysusers", "virterweb.conf"])
    prepare.run(["systemd-tmpfiles", "--create", "virterweb.conf"])
    prepare.run(["systemctl", "daemon-reload"])
    prepare.run(["systemctl", "try-restart", *UNITS])
    delete_old(release)
    print(NEXT.format(units=" ".join(UNITS)), end="")


def put_release(root: Path) -> Path:
    """Copy the release to a folder of its own and return that; it has its name when it is complete."""
    release = root / OPT / name()
    if release.exists():
        return release
    part = release.with_name(f"{release.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for each in PARTS:
        source, target = ROOT / each, part / each
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    part.rename(release)
    return release


def name() -> str:
    """Return the version with a digest of all files."""
    digest = hashlib.sha256()
    for each in PARTS:
        for path in sorted((ROOT / each).rglob("*")) or [ROOT / each]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return f"{version}-{digest.hexdigest()[:8]}"


def put_files(root: Path, release: Path) -> None:
    """Point `current` to the release and install its units; settings that exist are kept."""
    link, new = root / OPT / "current", root / OPT / "current.new"
    new.unlink(missing_ok=True)
    new.symlink_to(release.name)
    new.replace(link)
    for source, target in FILES.items():
        put(ROOT / "deploy" / source, root / target)
    source, target = SETTINGS
    if not (root / target).exists():
        put(ROOT / "deploy" / source, root / target)


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def delete_old(current: Path) -> None:
    """Delete all releases but the latest."""
    others = [path for path in current.parent.iterdir() if path.is_dir() and not path.is_symlink() and path != current]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT - 1 :]:
        shutil.rmtree(path)


if __name__ == "__main__":
    try:
        main()
    except (prepare.SetupError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
