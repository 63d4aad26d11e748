"""Tries whether VMs that are waited for can be logged in to by SSH, as Virter's --wait-ssh does, and says why not yet.

Ready means that the VM's own host key answers, that the portal is let in as its user, and that cloud-init is through;
then the guest tells what that came to.
Beside libvirt and apart from the sweep, for a guest may take seconds to say nothing.
"""

import shlex
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from time import monotonic

import paramiko
from django.db.models import Q, QuerySet
from django.utils import timezone
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer, SSHException

from virterweb.hypervisors.connections import connected
from virterweb.hypervisors.found import HypervisorError, Refused, Silent
from virterweb.hypervisors.models import LONGEST_PAUSE

from . import domain_xml, guest_facts, guest_report, portal_key
from .make import host_entry
from .models import VM, Power, SSHCheck
from .rows import with_access_addresses

PORT = 22
CONNECTING = 3.0  # seconds
TALKING = 10.0  # seconds for each step of SSH's; a guest that boots is slow
CLAIM = timedelta(seconds=60)  # after which another takes over what a killed worker began
AT_ONCE = 3  # places at a hypervisor's door that are left beside the one of who asks guests for addresses
THROUGH = "test -e /run/cloud-init/result.json"  # the file that cloud-init writes last

_places = threading.BoundedSemaphore(AT_ONCE)


def due() -> QuerySet[SSHCheck]:
    """Checks to try now; one that was never tried is, however long ago its VM was started."""
    now = timezone.now()
    open_ = SSHCheck.objects.filter(ready_at=None, vm__removed_at=None, vm__status__power=Power.RUNNING)
    fresh = open_.filter(Q(reason="") | Q(since__gt=now - SSHCheck.LIMIT), vm__wait_ssh=True)
    return fresh.filter(Q(next_at__lte=now) | Q(next_at__gt=now + LONGEST_PAUSE)).order_by("next_at")


def note_start(vm: VM, document: str) -> None:
    """If the domain found runs, and another run of it was seen before, a VM that is waited for was just started."""
    run = domain_xml.run_number(document)
    if vm.wait_ssh and vm.managed and run and run != domain_xml.run_number(vm.status.document):
        now = timezone.now()
        anew = {"since": now, "ready_at": None, "reason": "", "next_at": now}
        SSHCheck.objects.update_or_create(vm=vm, defaults=anew)


def check(check_id: int) -> None:
    """Try one VM if it is due, unless another worker is at it, or enough others are being tried."""
    if not _places.acquire(blocking=False):
        return
    try:
        _check(check_id)
    finally:
        _places.release()


def _check(check_id: int) -> None:
    row = due().select_related("vm__hypervisor", "vm__status").filter(pk=check_id).first()
    until = timezone.now() + CLAIM
    mine = SSHCheck.objects.filter(pk=check_id, ready_at=None)
    if row is None or not mine.filter(next_at=row.next_at).update(next_at=until):
        return
    reason = _reason(row.vm)
    now = timezone.now()
    values = {"reason": row.reason} if reason is None else {"reason": reason, "ready_at": None if reason else now}
    pause = timedelta(seconds=min(10.0, 2 + (now - row.since).total_seconds() / 10))
    # A VM that was started anew meanwhile has a check of its own.
    mine.filter(since=row.since).update(next_at=now + pause, **values)


def _reason(vm: VM) -> str | None:
    """Why a VM cannot be logged in to, "" if it can, None if that could not be tried."""
    seen = with_access_addresses([vm])[0].addresses
    try:
        entry = host_entry(vm)
        address = entry.ip if entry else next(iter(seen), None)
        if address is None:
            return "it has no address yet"
        # The door beside the usual one: who waits there for a guest keeps nobody from libvirt.
        with connected(-vm.hypervisor_id, vm.hypervisor.uri) as host:
            connection = host.tcp_socket(address, PORT, CONNECTING)
    except Silent as problem:
        return str(problem) if seen else "it has no address yet"
    except Refused as problem:
        return str(problem)
    except HypervisorError:
        return None
    with closing(connection):
        tell = partial(guest_report.note_cloud_init, vm.status)
        return talk(connection, address, vm.host_key_public, vm.ssh_user, tell)


def talk(
    connection: socket.socket, address: str, host_key: str, user: str, tell: Callable[[str], None] | None = None
) -> str:
    """Log in over an open connection and look whether cloud-init is through; "" if so, else why not.

    The host key is as `ssh-rsa BASE64`, what a VM of the portal's is given. `tell` is then called with what the
    program of `guest_facts` prints there.
    """
    connection.settimeout(TALKING)
    stranger = f"another machine answers at {address}, or its cloud-init has not begun: its host key is not this VM’s"
    shut_out = f"SSH does not let the portal in as {user}"
    try:
        with closing(paramiko.Transport(connection)) as transport:
            transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = TALKING
            # Of a server's host keys the kind that we gave it is asked for.
            transport.get_security_options().key_types = ("rsa-sha2-512", "rsa-sha2-256")
            transport.start_client(timeout=TALKING)
            if transport.get_remote_server_key().get_base64() != host_key.split()[1]:
                return stranger
            transport.auth_publickey(user, portal_key.load())
            if not transport.is_authenticated():  # the server wants more than a key
                return shut_out
            if not _is_through(transport):
                return "cloud-init is still running"
            if tell:
                tell(_output(transport, f"sh -c {shlex.quote(guest_facts.COMMAND)}"))
            return ""
    except IncompatiblePeer:
        return stranger
    except AuthenticationException:
        return shut_out
    except (SSHException, OSError, EOFError) as problem:
        return f"SSH at {address} broke off: {problem or 'the connection was closed'}"


def _is_through(transport: paramiko.Transport) -> bool:
    channel = transport.open_session(timeout=TALKING)
    channel.settimeout(TALKING)
    channel.exec_command(THROUGH)
    if not channel.status_event.wait(TALKING):
        raise SSHException(f"no answer within {TALKING:.0f} s")
    return channel.recv_exit_status() == 0


def _output(transport: paramiko.Transport, command: str) -> str:
    """What a command prints, as far as it is read in time; "" if the guest takes no command."""
    until, text = monotonic() + TALKING, b""
    try:
        channel = transport.open_session(timeout=TALKING)
        channel.settimeout(TALKING)
        channel.exec_command(command)
        while monotonic() < until and len(text) < guest_facts.MOST and (part := channel.recv(guest_facts.MOST)):
            text += part
    except (SSHException, OSError, EOFError):  # it was let in, and cloud-init is through: that is all that was asked
        return ""
    return text.decode(errors="replace")
