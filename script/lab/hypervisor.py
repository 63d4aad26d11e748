"""A private hypervisor: a libvirtd whose networks, firewall and guests live in namespaces of their own.

`PYTHONPATH=script python3 -m lab DIRECTORY` runs one until Ctrl-C; tests and `script/server` import `start`.
Several run side by side, also beside the machine's own libvirt, with the same network names and addresses. What is
defined in a lab is kept in its DIRECTORY and is there again at the next start.

Needs root and the packages in `prepare.LAB`. Standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path
from urllib.parse import quote

from . import tiny
from .configuration import DEFAULT_NETWORK, INIT, LIBVIRTD_CONF, MOUNT_USERS, QEMU_CONF

# The private folders are mounted over these, which not every distribution's packages bring.
MOUNT_POINTS = [Path(parent, "libvirt") for parent in ("/etc", "/run", "/var/lib", "/var/log", "/var/cache")]

IMAGES = "/var/lib/libvirt/images"
TAG = "virter:tag:"
LONGEST_SOCKET_PATH = 107
SECONDS_TO_END = 10


class LabError(Exception):
    """The lab cannot start; the message says why."""


class Lab:
    """A running lab. `uri` is its libvirt URI; when the process `pid` ends, everything in the lab ends.

    `namespace_pid` is the lab's first process: `nsenter -t PID -n -m -p` enters the lab, also while libvirtd is dead.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sockets = socket_folder(directory)
        self.uri = f"qemu+unix:///system?socket={quote(str(self.sockets))}/libvirt-sock"
        furnish_folders(directory)
        for path in (self.sockets, *MOUNT_POINTS):
            path.mkdir(mode=0o711, parents=True, exist_ok=True)
        conf = LIBVIRTD_CONF.format(sockets=self.sockets, log=directory / "log/libvirtd.log")
        (directory / "etc/libvirtd.conf").write_text(conf)
        (directory / "etc/qemu.conf").write_text(QEMU_CONF)
        # libvirtd insists on this user and group, which only the package of the system-wide service makes.
        (directory / "passwd").write_text(Path("/etc/passwd").read_text() + "libvirt-qemu:x:0:0::/:/bin/false\n")
        (directory / "group").write_text(Path("/etc/group").read_text() + "libvirt-qemu:x:0:\nkvm:x:0:\n")
        self.process = self._make_namespaces()
        self.pid = self.process.pid

    def _make_namespaces(self) -> subprocess.Popen[str]:
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", INIT, "lab"]
        with (self.directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LabError(f"The lab in {self.directory} is already running.") from None
            # The processes inherit the lock and hold it while they live. In a session of their own, Ctrl-C misses them.
            process = subprocess.Popen(
                [*command, str(self.directory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        pid = process.stdout.readline()
        if not pid:
            process.wait()
            raise LabError(f"Private namespaces cannot be made here: {process.stderr.read().strip()}")
        self.namespace_pid = int(pid)
        return process

    def run(self, *command: str | Path) -> str:
        """Run a command inside the lab and return what it printed."""
        return output("nsenter", "-t", str(self.namespace_pid), "-m", "-n", "-p", *command)

    def virsh(self, *arguments: str | Path) -> str:
        """Run virsh for the lab, outside its namespaces."""
        return output("virsh", "-q", "-c", self.uri, *arguments)

    @property
    def libvirtd_pid(self) -> int:
        """The process that holds the socket, even if it is paused; raises OSError if there is none."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.sockets / "libvirt-sock"))
            return struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def start_libvirtd(self) -> None:
        """Start libvirtd and wait until it answers. Guests and networks that run already are found again."""
        config = self.directory / "etc/libvirtd.conf"
        self.run("sh", "-c", MOUNT_USERS, "lab", self.directory)
        self.run("libvirtd", "--daemon", "--config", config, "--pid-file", "/run/libvirt/libvirtd.pid")
        self.virsh("uri")

    def kill_libvirtd(self) -> None:
        """Kill libvirtd alone, without warning: guests and networks run on."""
        self._end_libvirtd(signal.SIGKILL)

    def stop_libvirtd(self) -> None:
        """End libvirtd alone as a service manager would: guests and networks run on."""
        self._end_libvirtd(signal.SIGTERM)

    def _end_libvirtd(self, how: signal.Signals) -> None:
        pid = self.libvirtd_pid
        watch = os.pidfd_open(pid)
        os.kill(pid, how)
        ended = select.select([watch], [], [], SECONDS_TO_END)[0]
        os.close(watch)
        if not ended:
            raise LabError("libvirtd does not end.")

    def restart_libvirtd(self) -> None:
        self.stop_libvirtd()
        self.start_libvirtd()

    def pause_libvirtd(self) -> None:
        """Make libvirtd hang: its socket accepts and never answers."""
        os.kill(self.libvirtd_pid, signal.SIGSTOP)

    def resume_libvirtd(self) -> None:
        os.kill(self.libvirtd_pid, signal.SIGCONT)

    def stop(self) -> None:
        """Kill everything in the lab, and return when nothing of it is left."""
        if self.process.poll() is None:
            os.kill(self.namespace_pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        if self.sockets.parent != self.directory:
            shutil.rmtree(self.sockets, ignore_errors=True)


def start(directory: Path, network: bool = True, image: bool = True) -> Lab:
    """Start the lab kept in `directory` and wait until it answers.

    Its first start furnishes it with a storage pool, and if wanted the network `default` and the image `tiny`; later
    starts leave it as it was left. Call it in the main thread: the lab dies with the thread that called it.
    """
    if os.geteuid() != 0:
        raise LabError("A lab needs root.")
    lab = Lab(directory.resolve())
    try:
        lab.start_libvirtd()
        furnished = lab.directory / "furnished"
        if not furnished.exists():
            furnish(lab, network, image)
            furnished.touch()
        elif image:
            renew_image(lab)
    except BaseException:
        lab.stop()
        raise
    return lab


def furnish(lab: Lab, network: bool, image: bool) -> None:
    """Create the pool, network and image of a new lab; can be repeated after an interruption."""
    if image:
        load_image(lab, "tiny", tiny.image())
    if "default" not in lab.virsh("pool-list", "--all", "--name").split():
        lab.virsh("pool-define-as", "default", "dir", "--target", IMAGES)
        lab.virsh("pool-autostart", "default")
        lab.virsh("pool-start", "default")
    if network and "default" not in lab.virsh("net-list", "--all", "--name").split():
        document = lab.directory / "default.xml"
        document.write_text(DEFAULT_NETWORK)
        lab.virsh("net-define", document)
        lab.virsh("net-autostart", "default")
        lab.virsh("net-start", "default")
        document.unlink()


def furnish_folders(directory: Path) -> None:
    """Create the lab's folders, or close an existing one: in the lab the inner ones are mounted elsewhere."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    for name in ("etc", "lib/images", "lib/qemu", "lib/dnsmasq", "log", "cache"):
        (directory / name).mkdir(parents=True, exist_ok=True)


def load_image(lab: Lab, name: str, file: Path) -> None:
    """Make an image of a qcow2 file in the lab's pool, as Virter does: a layer, and an empty tag on top.

    A pool that is there already has to be refreshed.
    """
    folder = lab.directory / "lib/images"
    with file.open("rb") as data:
        layer = f"virter:layer:sha256:{hashlib.file_digest(data, 'sha256').hexdigest()}"
    shutil.copyfile(file, folder / "loading")
    (folder / "loading").rename(folder / layer)
    # QEMU would take virter: for a protocol without a folder before it.
    backing = ("-b", f"./{layer}", "-F", "qcow2")
    lab.run("qemu-img", "create", "-q", "-f", "qcow2", *backing, f"{IMAGES}/{TAG}{name}")


def renew_image(lab: Lab) -> None:
    """Make the image `tiny` of a lab of an earlier version a layer with a tag, unless a disk is an overlay on it."""
    flat = lab.directory / "lib/images" / f"{TAG}tiny"
    if not flat.exists() or backing_file(lab, flat.name):
        return
    if not any(backing_file(lab, disk.name).endswith(flat.name) for disk in flat.parent.glob("virter:work:*")):
        load_image(lab, "tiny", tiny.image())
        lab.virsh("pool-refresh", "default")


def backing_file(lab: Lab, name: str) -> str:
    """Return what a file of the pool is an overlay on; "" if it is none."""
    known = lab.run("qemu-img", "info", "-U", "--output=json", f"{IMAGES}/{name}")
    return json.loads(known).get("backing-filename", "")


def socket_folder(directory: Path) -> Path:
    """Return where libvirtd's sockets go: into the lab's folder, or elsewhere if that path is too long for a socket."""
    inside = directory / "sock"
    if len(os.fsencode(inside / "libvirt-admin-sock")) <= LONGEST_SOCKET_PATH:
        return inside
    return Path("/run") / f"lab-{hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]}"


def output(*command: str | Path) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError as missing:
        raise LabError(f"The program {command[0]} is missing.") from missing
    if done.returncode:
        raise LabError(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
