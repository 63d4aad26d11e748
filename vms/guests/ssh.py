"""Checks whether SSH works in VMs that were run with “wait for SSH”, as Virter's --wait-ssh does.

Ready means that the VM's own host key answers, that the portal can log in as its user, and that cloud-init has ended;
then the guest reports the result of cloud-init. This runs apart from polls, because a guest may take seconds to
answer.
"""

import shlex
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from time import monotonic

import paramiko
from django.db.models import F, Q, QuerySet
from paramiko.ssh_exception import AuthenticationException, IncompatiblePeer, SSHException

from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import HypervisorError, Refused, Silent
from virterweb.messages import Message
from vms.addresses.ids import host_entry
from vms.addresses.nic_addresses import with_access_addresses
from vms.cloud_init import portal_key
from vms.definition import domain as domain_xml
from vms.models import SSH_TIMEOUT, VM, Power, SSHCheck
from vms.observed import guest_facts

from . import report as guest_report

PORT = 22
CONNECT_TIMEOUT = 3.0  # seconds
STEP_TIMEOUT = 10.0  # seconds for each step of SSH; a booting guest is slow
RETRY_INTERVAL = timedelta(seconds=10)  # until a VM that could not be tried is tried again
CLOUD_INIT_ENDED = "test -e /run/cloud-init/result.json"  # cloud-init writes this file last


def due_checks() -> QuerySet[SSHCheck]:
    """Return the checks to try now, including all that were never tried."""
    running = SSHCheck.objects.due().filter(vm__removed_at=None, vm__status__power=Power.RUNNING)
    fresh = running.filter(Q(reason="") | Q(since__gt=Now() - SSH_TIMEOUT), vm__wait_ssh=True, ready_at=None)
    return fresh.order_by(F("due_at").asc(nulls_first=True))


def note_start(vm: VM, document: str) -> None:
    """Create a new check if the domain runs and its previous run was observed: the VM was just started."""
    run = domain_xml.run_number(document)
    if vm.wait_ssh and vm.managed and run and run != domain_xml.run_number(vm.status.document):
        now = database_time()
        new_check = {"since": now, "ready_at": None, "reason": "", "due_at": now}
        SSHCheck.objects.update_or_create(vm=vm, defaults=new_check)


def check(check_id: int) -> None:
    """Try one VM if it is due, unless another worker does."""
    with due_checks().select_related("vm__hypervisor", "vm__status").filter(pk=check_id).claim() as row:
        if row:
            _check(row)


def _check(row: SSHCheck) -> None:
    # A VM that was restarted in the meantime has a new check.
    mine = SSHCheck.objects.filter(pk=row.pk, ready_at=None, since=row.since)
    mine.update(due_at=Now() + RETRY_INTERVAL)
    reason = _reason(row.vm)
    now = database_time()
    values = {} if reason is None else {"reason": reason, "ready_at": None if reason else now}
    pause = timedelta(seconds=min(10.0, 2 + (now - row.since).total_seconds() / 10))
    mine.update(due_at=now + pause, **values)


def _reason(vm: VM) -> Message | None:
    """Return why SSH to a VM does not work, an empty message if it does, None if that could not be tried."""
    seen = with_access_addresses([vm])[0].addresses
    try:
        decided = host_entry(vm)
        address = decided[1].ip if decided else next(iter(seen), None)
        if address is None:
            return Message("ssh.no_address")
        # A separate connection: waiting for a guest does not block other calls.
        with connected(-vm.hypervisor_id, vm.hypervisor.uri) as connection:
            opened = connection.host.tcp_socket(address, PORT, CONNECT_TIMEOUT)
    except Silent as problem:
        return problem.message if seen else Message("ssh.no_address")
    except Refused as problem:
        return problem.message
    except HypervisorError:
        return None
    with closing(opened):
        tell = partial(guest_report.note_cloud_init, vm.status)
        return talk(opened, address, vm.host_key_public, vm.ssh_user, tell)


def talk(
    connection: socket.socket, address: str, host_key: str, user: str, tell: Callable[[str], None] | None = None
) -> Message:
    """Log in over an open connection and check that cloud-init has ended; return why not, an empty message if so.

    The host key has the form `ssh-rsa BASE64`, as given to the portal's VMs. `tell` is then called with the output of
    the program of `guest_facts`.
    """
    connection.settimeout(STEP_TIMEOUT)
    stranger, shut_out = Message("ssh.other_machine", address=address), Message("ssh.shut_out", user=user)
    try:
        with closing(paramiko.Transport(connection)) as transport:
            transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = STEP_TIMEOUT
            # Request the kind of host key that the portal gave the guest.
            transport.get_security_options().key_types = ("rsa-sha2-512", "rsa-sha2-256")
            transport.start_client(timeout=STEP_TIMEOUT)
            if transport.get_remote_server_key().get_base64() != host_key.split()[1]:
                return stranger
            transport.auth_publickey(user, portal_key.load())
            if not transport.is_authenticated():  # the server requires more than a key
                return shut_out
            if not _is_through(transport):
                return Message("ssh.cloud_init")
            if tell:
                tell(_output(transport, f"sh -c {shlex.quote(guest_facts.COMMAND)}"))
            return Message()
    except IncompatiblePeer:
        return stranger
    except AuthenticationException:
        return shut_out
    except TimeoutError:
        return Message("ssh.silent", address=address, seconds=int(STEP_TIMEOUT))
    except (SSHException, OSError, EOFError) as problem:
        if said := str(problem):
            return Message("ssh.broke_off", address=address, problem=said)
        return Message("ssh.closed", address=address)


def _is_through(transport: paramiko.Transport) -> bool:
    channel = transport.open_session(timeout=STEP_TIMEOUT)
    channel.settimeout(STEP_TIMEOUT)
    channel.exec_command(CLOUD_INIT_ENDED)
    if not channel.status_event.wait(STEP_TIMEOUT):
        raise TimeoutError
    return channel.recv_exit_status() == 0


def _output(transport: paramiko.Transport, command: str) -> str:
    """Return the output of a command, as far as it is read in time; "" if the guest runs no command."""
    until, text = monotonic() + STEP_TIMEOUT, b""
    try:
        channel = transport.open_session(timeout=STEP_TIMEOUT)
        channel.settimeout(STEP_TIMEOUT)
        channel.exec_command(command)
        while (
            monotonic() < until
            and len(text) < guest_facts.MAX_CHARACTERS
            and (part := channel.recv(guest_facts.MAX_CHARACTERS))
        ):
            text += part
    except (SSHException, OSError, EOFError):  # login works and cloud-init has ended, which is sufficient
        return ""
    return text.decode(errors="replace")
