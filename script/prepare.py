"""Installs the prerequisites of the portal: system packages and `.venv`.

Shared by `script/server` and `script/test`, and run by the system's Python: standard library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin/python"
PYTHON_VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"

BUILD = ["pkg-config", "gcc", "libvirt-dev", "libvirt0"]
if sys.base_prefix == "/usr":
    BUILD += [f"{PYTHON_VERSION}-dev", f"{PYTHON_VERSION}-venv"]  # the distribution's Python comes in parts
LAB = [
    *("libvirt-daemon", "libvirt-daemon-driver-qemu", "libvirt-clients"),
    *("qemu-system-x86", "qemu-utils", "seabios", "ovmf", "ipxe-qemu"),
    *("dnsmasq-base", "dnsmasq-utils", "iproute2", "iptables", "tcpdump"),
    *("syslinux", "mtools", "zstd"),
]
# Debian up to 12 and Ubuntu up to 24.04 have these inside libvirt-daemon.
LAB_IF_KNOWN = [f"libvirt-daemon-driver-{name}" for name in ("network", "storage", "secret", "nodedev", "nwfilter")]
LDAP = ["libldap-dev", "libsasl2-dev"]  # to build what requirements-ldap.txt names
UNIT = ["xz-utils", "bzip2", "openssh-client", "rsync"]  # programs that the unit tests try things with
GUESTS = ["mmdebstrap", "syslinux-common", "fdisk", "e2fsprogs"]  # what builds images of Debian
# Those of OpenSSH and netcat are for qemu+ssh.
SERVICES = ["redis-server", "postgresql", "openssh-client", "openssh-server", "netcat-openbsd", "slapd"]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "virterweb"


class SetupError(Exception):
    """Something is missing that cannot be installed; the message says what to do."""


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036, the very reason for this line is an older one
        raise SetupError(f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}.")


def browser() -> list[str]:
    """Return the package name of the browser for the tests."""
    release = Path("/etc/os-release")
    ubuntu = release.exists() and "ID=ubuntu" in release.read_text().splitlines()
    return ["chromium-browser" if ubuntu else "chromium"]


def install(packages: list[str]) -> None:
    """Install missing Debian packages as root; as another user, raise an error with the command."""
    if not shutil.which("apt-get"):
        if packages == BUILD and shutil.which("gcc") and shutil.which("pkg-config"):
            return  # pip will say what else it misses
        raise SetupError(f"This is not Debian or Ubuntu. Install what they call: {' '.join(packages)}")
    if not missing(packages):
        return
    if os.geteuid() != 0:
        raise SetupError(f"sudo apt-get install {' '.join(missing(wanted(packages)))}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    run([*apt, "update"], env=environment)
    names = missing(wanted(packages))
    print(f"Installing {' '.join(names)}", flush=True)
    run([*apt, "install", "-y", "--no-install-recommends", *names], env=environment)


def missing(packages: list[str]) -> list[str]:
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages]
    found = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return [name for name in packages if f"{name} installed" not in found]


def wanted(packages: list[str]) -> list[str]:
    """Add the parts that newer releases ship as packages of their own."""
    if "libvirt-daemon" not in packages:
        return packages
    return [*packages, *(name for name in LAB_IF_KNOWN if known(name))]


def known(package: str) -> bool:
    return subprocess.run(["apt-cache", "show", package], capture_output=True).returncode == 0


def unpacked(package: str, suite: str = "") -> Path:
    """The files of a Debian package that must not be installed, in a folder that stays for the next time.

    cloud-init is one: where it is installed, the machine is configured again at its next boot. `suite` is another
    release of Debian than the machine's, such as trixie.
    """
    prefix = f"{suite}-" if suite else ""
    if found := sorted(CACHE.glob(f"{prefix}{package}_*")):
        return found[-1]
    if not shutil.which("apt-get"):
        raise SetupError(f"This is not Debian or Ubuntu: there is no package {package}.")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".") as folder:
        apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *(_of_suite(suite, Path(folder)) if suite else ())]
        fresh = subprocess.run([*apt, "download", package], cwd=folder, capture_output=True).returncode == 0
        if not fresh:
            if os.geteuid() != 0 and not suite:
                raise SetupError(f"apt-get download {package} fails; as root, try apt-get update.")
            run([*apt, "update"])
            run([*apt, "download", package], cwd=folder)
        (archive,) = Path(folder).glob("*.deb")
        run(["dpkg-deb", "--extract", archive, Path(folder) / "files"])
        with contextlib.suppress(OSError):  # another process was quicker
            (Path(folder) / "files").rename(CACHE / f"{prefix}{archive.stem}")
        return CACHE / f"{prefix}{archive.stem}"


def source(suite: str) -> str:
    """Return the line for sources.list of a release of Debian, at the mirror that this machine uses."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Label: Debian"]
    mirrors = subprocess.run(command, capture_output=True, text=True).stdout.split() or ["http://deb.debian.org/debian"]
    return f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirrors[0]} {suite} main\n"


def _of_suite(suite: str, folder: Path) -> list[str]:
    """Options by which apt knows that release of Debian alone, and keeps what it reads of it in this folder."""
    (folder / "sources.list").write_text(source(suite))
    (folder / "lists/partial").mkdir(parents=True)
    options = {
        **{"Dir::Etc::SourceList": folder / "sources.list", "Dir::Etc::SourceParts": "-"},
        "Dir::State::Lists": folder / "lists",
        **{"Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "", "Acquire::Languages": "none"},
        "APT::Sandbox::User": "root",  # the folder is ours alone
    }
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def make_venv(*, tests: bool = False) -> None:
    """Make `.venv` as requirements.txt says, or requirements-dev.txt for tests; costs nothing when it is so already.

    What the tests need is kept when the portal is started from the same folder.
    """
    names = ["requirements.txt", "requirements-dev.txt"]
    texts = [(ROOT / name).read_bytes() for name in (*names, "requirements-ldap.txt")]
    known = [hashlib.sha256(b"".join(texts[:count]) + sys.version.encode()).hexdigest() for count in (1, 3)]
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text() in known[tests:] and PYTHON.exists():
        return
    if not works(PYTHON):
        print(f"Making {VENV}", flush=True)
        run([sys.executable, "-m", "venv", "--clear", VENV])
    print(f"Installing {names[tests]}", flush=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "-r", ROOT / names[tests]])
    stamp.write_text(known[tests])


def works(python: Path) -> bool:
    return python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0


def run(command: list[str | Path], env: dict[str, str] | None = None, cwd: str | Path = ROOT) -> None:
    """Run a command with output to the terminal and without input."""
    if subprocess.run(command, stdin=subprocess.DEVNULL, env=env, cwd=cwd).returncode:
        raise SetupError(f"This failed: {' '.join(map(str, command))}")
