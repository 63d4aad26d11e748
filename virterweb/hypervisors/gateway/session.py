"""The open libvirt connection that all nouns share, and libvirt's errors as the portal's."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import libvirt

from virterweb.logs.context import facts
from virterweb.messages import Message

from . import peer
from .found import Busy, NotConnected, Refused, Unreachable
from .marks import Mark, unmarked
from .reasons import Reason, recognise

log = logging.getLogger(__name__)

KEEP_ALIVE = (2, 3)  # a ping every 2 s; dead after three without answer
LOST = {libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_RPC}
BUSY = {libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_RESOURCE_BUSY}
STARTING = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP]
NO_AGENT = (
    libvirt.VIR_ERR_NO_DOMAIN,
    libvirt.VIR_ERR_OPERATION_INVALID,  # not running
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,  # it has no agent's channel
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
    libvirt.VIR_ERR_AGENT_UNSYNCED,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    libvirt.VIR_ERR_NO_SUPPORT,
)
# virtqemud calls other daemons of libvirt for networks and storage. It keeps a connection to each for a client, also a
# lost one, until the client itself connects again.
_NO_DAEMON = re.compile(
    r"Failed to connect socket to '\S*/(virt(?:network|storage|nodedev|secret|nwfilter|interface)d)-"
)
_LOST_DAEMON = re.compile(r"client socket is closed|End of file while reading data|Cannot (?:recv|write) data")
# Another call works on the volume; libvirt has no code for it.
_IN_USE = re.compile(r"^volume '.*' is still (being allocated|in use)")


class Session:
    """One open libvirt connection: `libvirt` is libvirt's own object, `pid` the process of a local hypervisor.

    `networks` are those of the latest list, by UUID, which saves a call to look each of them up.
    """

    def __init__(self, uri: str, own_mark: Callable[[], Mark] | None = None) -> None:
        self.uri, self.closed, self._own_mark = uri, False, own_mark
        self.lost_daemon = False  # only a new connection reaches it
        self.networks: dict[str, libvirt.virNetwork] = {}
        try:
            self.libvirt = libvirt.open(uri)
        except libvirt.libvirtError as error:
            raise NotConnected(Message("hypervisor.unreachable"), str(error)) from error
        with suppress(libvirt.libvirtError):  # the test driver has no keep-alive
            self.libvirt.setKeepAlive(*KEEP_ALIVE)
        self.pid = peer.peer_pid(uri)

    def alive(self) -> bool:
        try:
            return not self.closed and bool(self.libvirt.isAlive())
        except libvirt.libvirtError:
            return False

    def close(self) -> None:
        self.closed = True
        self.networks = {}  # each holds the connection open
        with suppress(libvirt.libvirtError):
            self.libvirt.close()

    @cached_property
    def mark(self) -> Mark | None:
        """Return the mark that the portal leaves in what it defines; None if it leaves none."""
        return self._own_mark() if self._own_mark else None

    def marked(self, document: str) -> str:
        """Return a document as it is defined."""
        return self.mark.marked(document) if self.mark else document

    def unmarked(self, *documents: str) -> tuple[list[str], Mark | None]:
        """Return documents of one object without marks, and the mark of the first that has one if another portal's."""
        texts, mark = unmarked(*documents)
        return texts, mark if mark and self.mark and self.mark.id != mark.id else None

    def is_marked(self, document: str) -> bool:
        """Return whether a document has the portal's mark, or the portal leaves none."""
        found = unmarked(document)[1]
        return not self.mark or bool(found and found.id == self.mark.id)

    def network(self, uuid: str) -> libvirt.virNetwork:
        """Return a network, which may be gone: then the calls of it raise what the lookup of one raises."""
        return self.networks.get(uuid) or self.libvirt.networkLookupByUUIDString(uuid)

    def lost_part(self, error: libvirt.libvirtError) -> Message:
        """Return that another daemon of libvirt than the one that the portal is connected to is away, and note it."""
        said = error.get_error_message() or ""
        missing = _NO_DAEMON.search(said)
        if not (missing or _LOST_DAEMON.search(said)) or not self.alive():
            return Message()
        self.lost_daemon = True
        return Message("hypervisor.no_daemon", daemon=missing[1]) if missing else Message("hypervisor.lost_daemon")

    @contextmanager
    def calling(self, action: Message, *already: int) -> Iterator[None]:
        """Convert errors of libvirt into those of the portal; codes in `already` mean success.

        Raises: Unreachable, Busy, Refused.
        """
        began = time.monotonic()
        try:
            yield
        except libvirt.libvirtError as error:
            code = error.get_error_code()
            if code in already:
                return
            if lost := self.lost_part(error):
                raise Busy(lost, str(error)) from error
            if code in LOST or not self.alive():
                raise Unreachable(Message("hypervisor.lost"), str(error)) from error
            if code in BUSY or _IN_USE.search(error.get_error_message() or ""):
                raise Busy(Message("hypervisor.busy", action=action), str(error)) from error
            said = Message("hypervisor.refused", action=action, reason=reason_of(error))
            raise Refused(said, str(error), reason=_known(error)) from error
        finally:
            if log.isEnabledFor(logging.DEBUG) and "change" in facts():
                milliseconds = round(1000 * (time.monotonic() - began))
                log.debug("libvirt call: %s", action, extra={"call": action.code, "milliseconds": milliseconds})


def _known(error: libvirt.libvirtError) -> Reason | None:
    number = error.get_int1() if error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR else 0
    return recognise(error.get_error_message() or str(error), number)


def reason_of(error: libvirt.libvirtError) -> Message:
    """Return libvirt's message as the end of a sentence; an unknown message stays as it is."""
    if known := _known(error):
        return known.message
    said = (error.get_error_message() or str(error)).strip()
    return Message.external(
        re.sub(r"^(internal error|operation failed|unsupported configuration|XML error): ", "", said)
    )


def object_name(found: libvirt.virNetwork | libvirt.virDomain | libvirt.virStorageVol) -> str:
    """Return the name of an object; one that is not UTF-8, as a file's may be, with its odd bytes escaped."""
    try:
        return found.name()
    except UnicodeDecodeError as error:
        return error.object.decode(errors="backslashreplace")


def create(found: libvirt.virNetwork | libvirt.virDomain) -> None:
    """Start what is not active, unless something else starts it at the same time, as its autostart does."""
    try:
        found.create()
    except libvirt.libvirtError:
        if not found.isActive():
            raise


def destroy(domain: libvirt.virDomain, name: str) -> None:
    """Force a domain off.

    Raises: Busy if libvirt waits for its start: libvirt 9.0 does so without end if it was killed before QEMU started.
    """
    try:
        domain.destroy()
    except libvirt.libvirtError as error:
        if error.get_error_code() in BUSY and domain.state() == STARTING:
            raise Busy(Message("domains.start_interrupted", name=name), str(error)) from error
        raise


def bridge_of(network: libvirt.virNetwork) -> str:
    """Return the name of a network's bridge; "" if it has none."""
    with suppress(libvirt.libvirtError):
        return network.bridgeName()
    return ""


def affect(live: bool, stored: bool) -> int:
    """Return libvirt's flags for a change of a running domain, of its stored definition, or of both."""
    return (libvirt.VIR_DOMAIN_AFFECT_LIVE if live else 0) | (libvirt.VIR_DOMAIN_AFFECT_CONFIG if stored else 0)
