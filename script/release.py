#!/usr/bin/env python3
"""Another release of Debian beside the machine's own: both commands run there as on a machine that is just installed.

The release lives in a root folder that is unpacked for one run and deleted after it, in mount, PID and IPC namespaces
that end with this process: nothing is left on the machine but the cached archive of the bare release. Needs root and
the packages in `PACKAGES`. Standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import prepare
from lab import guest_image

PACKAGES = ["mmdebstrap", "debian-archive-keyring"]
BARE = ("python3", "ca-certificates")  # what both commands expect; they install all else themselves
FOLDER = prepare.CACHE / "releases"
PROJECT = Path("/srv/virterweb")  # the copy of the project in the release
NOT_COPIED = (".git", ".venv", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis")
INHERITED = ("/etc/resolv.conf", "/etc/hosts", "/usr/local/share/ca-certificates")  # how this machine reaches others
SHORT = {  # what asks libvirt, whose releases differ
    "unit": ("tests/hypervisors", "tests/networks"),
    "integration": ("tests/hypervisors", "tests/networks", "tests/vms/changes", "tests/vms/sync"),
    "lab": (
        *("tests/lab/networks/test_reconnect.py", "tests/lab/vms/test_nics.py"),
        *("tests/lab/faults/test_host_restart.py", "tests/lab/faults/test_rebuild.py"),
    ),
}
PORT = 8000
SECONDS_TO_START = 600  # packages, requirements.txt and the image of the lab included
NO_SERVICES = "#!/bin/sh\nexit 101\n"  # packages start none: their ports would be the machine's

# A chroot would not do: in one, `unshare --mount` fails and `nsenter --mount` leaves it.
ENTER = """\
set -e
root=$1 project=$2
shift 2
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /dev dev
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p machine
pivot_root . machine
umount -l machine
rmdir machine
update-ca-certificates >/dev/null
cd "$project"
"$@" </dev/null
"""

# The commands of the documentation, on the portal of script/server: a guest with two leases, and nothing left of it.
WALK = (
    "network add net1 --dhcp --network-cidr 10.255.0.1/24",
    "vm run tiny --id 8 --memory 128M --nic type=network,source=net1",
    "network list-attached net1",
    "vm rm tiny-8",
    "network rm net1",
)
LEASE = r"(?m)^tiny-8 .* 10\.255\.0\.\d+ "


def run(suite: str, words: list[str]) -> int:
    """Walk through a release, then run `script/test` there with these words; return the worst exit code.

    Without words it is the whole unit, integration and lab layer; `short` is what `SHORT` names of them.
    """
    if not re.fullmatch(r"[a-z]+", suite):
        raise prepare.SetupError(f"“{suite}” is no release of Debian. Example: script/test release trixie")
    if os.geteuid() != 0:
        raise prepare.SetupError("Another release of Debian needs root, for namespaces and a private hypervisor.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare.install(PACKAGES)
    tests = [words]
    if words in ([], ["short"]):
        tests = [[layer, *(chosen if words else ())] for layer, chosen in SHORT.items()]
    with unpacked(archive(suite)) as root:
        return max(enter(root, *step) for step in (["script/release.py"], *(["script/test", *each] for each in tests)))


def archive(suite: str) -> Path:
    """Return the archive of the bare release, made when it is missing or this recipe has changed."""
    source = prepare.source(suite)
    recipe = hashlib.sha256(Path(__file__).read_bytes() + source.encode()).hexdigest()[:12]
    target = FOLDER / f"{suite}-{recipe}.tar"
    if not target.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        print(f"Making {target}", flush=True)
        part = target.with_suffix(f".{os.getpid()}.tar")
        options = [f"--dpkgopt=path-exclude={path}" for path in guest_image.LEFT_OUT]
        options += ["--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"']
        options += [f'--aptopt=Acquire::{name}::Proxy "{value}"' for name, value in guest_image.proxies()]
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(BARE)}", *options]
        try:
            prepare.run([*command, suite, part, source.strip()])
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
    return target


@contextlib.contextmanager
def unpacked(bare: Path) -> Iterator[Path]:
    """Unpack a release with a copy of the project into a folder that is deleted afterwards."""
    for left in FOLDER.glob("root-*"):  # by a run that was killed
        if not Path("/proc", left.name.removeprefix("root-")).exists():
            shutil.rmtree(left)
    root = FOLDER / f"root-{os.getpid()}"
    root.mkdir(mode=0o755)
    try:
        prepare.run(["tar", "--extract", "--numeric-owner", "--file", bare, "--directory", root])
        shutil.copytree(prepare.ROOT, root / PROJECT.relative_to("/"), ignore=shutil.ignore_patterns(*NOT_COPIED))
        for path in filter(Path.exists, map(Path, INHERITED)):
            copy = root / path.relative_to("/")
            prepare.run(["cp", "--recursive", "--dereference", "--no-target-directory", path, copy])
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text(NO_SERVICES)
        policy.chmod(0o755)
        yield root
    finally:
        shutil.rmtree(root)


def enter(root: Path, *command: str) -> int:
    """Run a command of the project in a release, with what it starts, and return its exit code."""
    print(f"\n{root.name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTERWEB_", "XDG_"))}
    environment |= {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive", "TMPDIR": "/tmp"}
    namespaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    entering = [*namespaces, "sh", "-c", ENTER, "release", root, PROJECT, *command]
    code = subprocess.run(entering, env=environment).returncode
    print(f"{root.name}: {' '.join(command)} ended with {code} after {time.monotonic() - began:.0f} s", flush=True)
    return code


def walk() -> None:
    """Start the portal as a newcomer does, on a bare system, and walk through the documentation's commands."""
    log = prepare.ROOT / "server.log"
    with log.open("w") as output:
        command = ["script/server", "--port", str(PORT)]
        server = subprocess.Popen(command, cwd=prepare.ROOT, stdout=output, stderr=output)
    try:
        await_address(server, log)
        for line in WALK:
            print(f"manage.py {line}", flush=True)
            await_lease(line) if "list-attached" in line else manage(line)
    finally:
        server.send_signal(signal.SIGINT)
        code = server.wait()
        print(log.read_text(), end="", flush=True)
    if code:
        raise prepare.SetupError(f"script/server ended with exit code {code}.")


def await_address(server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while "The portal is at" not in log.read_text():
        if server.poll() is not None or time.monotonic() > until:
            raise prepare.SetupError("script/server does not start.")
        time.sleep(0.5)


def await_lease(line: str) -> None:
    until = time.monotonic() + 120
    while not re.search(LEASE, said := manage(line)):
        if time.monotonic() > until:
            raise prepare.SetupError(f"The guest has no lease:\n{said}")
        time.sleep(1)
    print(said, end="", flush=True)


def manage(line: str) -> str:
    command = [prepare.PYTHON, "manage.py", *line.split()]
    done = subprocess.run(command, cwd=prepare.ROOT, capture_output=True, text=True)
    if done.returncode:
        raise prepare.SetupError(f"manage.py {line}: {done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    try:
        walk()
    except prepare.SetupError as error:
        sys.exit(str(error))
