"""Consoles of running domains: the serial port and the VNC display, each as a connected socket.

libvirt gives the serial port to one client at a time. A display of a local hypervisor comes as a file descriptor, which
works wherever it listens; that of a remote one is reached through SSH, with the login of libvirt's own connection.
"""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway.found import Busy, ConsoleTaken, NotRunning, Refused
from virterweb.hypervisors.gateway.jump import is_jump, open_tunnel
from virterweb.hypervisors.gateway.session import Session
from virterweb.messages import Message

_CHUNK = 64 * 1024  # bytes
_TUNNEL_TIMEOUT = 5.0  # seconds until the display must have spoken, beside the login
_EVERY_ADDRESS = ("", "0.0.0.0", "::")


@dataclass(frozen=True, kw_only=True)
class Display:
    """An open VNC display; the password is "" where none is asked for."""

    socket: socket.socket
    password: str


class SerialPort:
    """An open serial port: closing the socket closes it. The socket ends when the port does."""

    def __init__(self, session: Session, stream: libvirt.virStream) -> None:
        self._session, self._stream = session, stream
        self.socket, self._inner = socket.socketpair()
        for work in (self._receive, self._send):
            threading.Thread(target=work, name="serial-port", daemon=True).start()

    @property
    def lost(self) -> bool:
        """Return whether the connection to libvirt has ended, not only the port."""
        return not self._session.alive()

    def _receive(self) -> None:
        with suppress(libvirt.libvirtError, OSError):
            while data := self._stream.recv(_CHUNK):
                self._inner.sendall(data)
        with suppress(OSError):
            self._inner.shutdown(socket.SHUT_RDWR)  # ends the other thread, too

    def _send(self) -> None:
        with suppress(libvirt.libvirtError, OSError):
            while data := self._inner.recv(_CHUNK):
                self._write(data)
        with suppress(libvirt.libvirtError):
            self._stream.abort()  # ends the other thread, too
        self._inner.close()

    def _write(self, data: bytes) -> None:
        while data:
            data = data[self._stream.send(data) :]


class Consoles:
    """The consoles of a hypervisor's domains, each named by its UUID; `name` is for messages."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def is_running(self, uuid: str) -> bool:
        """Return whether the domain exists and runs."""
        with self._session.calling(Message("domains.get"), libvirt.VIR_ERR_NO_DOMAIN):
            return bool(self._session.libvirt.lookupByUUIDString(uuid).isActive())
        return False

    def serial(self, uuid: str, name: str, *, force: bool = False) -> SerialPort:
        """Open the first serial port; with `force`, whoever has it open loses it.

        Raises:
            NotRunning: the domain is off, or not on this hypervisor.
            ConsoleTaken: another client has it open.
            Refused: the domain has no serial port.
        """
        with self._session.calling(Message("consoles.serial", name=name)):
            domain = self._running(uuid, name)
            stream = self._session.libvirt.newStream()
            try:
                domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE if force else 0)
            except libvirt.libvirtError as error:
                if reason := _why_closed(error, name):
                    raise reason from error
                raise
            return SerialPort(self._session, stream)

    def display(self, uuid: str, name: str) -> Display:
        """Open the VNC display.

        Raises:
            NotRunning: the domain is off, or not on this hypervisor.
            Refused: it has no VNC display, or there is no way to it.
            Silent: the hypervisor's SSH server does not answer.
        """
        with self._session.calling(Message("consoles.display", name=name)):
            domain = self._running(uuid, name)
            document = etree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
            displays = list(document.iterfind("devices/graphics"))
            vnc = next((each for each in displays if each.get("type") == "vnc"), None)
            if vnc is None:
                raise Refused(Message("consoles.no_display", name=name))
            if not urlsplit(self._session.uri).netloc:
                skip_password = libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH
                number = domain.openGraphicsFD(displays.index(vnc), skip_password)
                return Display(socket=socket.socket(fileno=number), password="")
        return self._remote(vnc, name)

    def _remote(self, vnc: etree._Element, name: str) -> Display:
        port, address = int(vnc.get("port", "-1")), vnc.get("listen", "")
        if not is_jump(self._session.uri) or port < 1:
            raise Refused(Message("consoles.no_way", name=name))
        address = "127.0.0.1" if address in _EVERY_ADDRESS else address
        tunnel = open_tunnel(self._session.uri, address, port, _TUNNEL_TIMEOUT)
        return Display(socket=tunnel, password=vnc.get("passwd", ""))

    def _running(self, uuid: str, name: str) -> libvirt.virDomain:
        try:
            domain = self._session.libvirt.lookupByUUIDString(uuid)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            raise NotRunning(Message("consoles.gone", name=name), str(error)) from error
        if not domain.isActive():
            raise NotRunning(Message("consoles.off", name=name))
        return domain


def _why_closed(error: libvirt.libvirtError, name: str) -> Refused | Busy | None:
    """Return why a serial port does not open, None for other errors; libvirt has no codes of their own for this."""
    if error.get_error_code() == libvirt.VIR_ERR_INTERNAL_ERROR:
        return Refused(Message("consoles.no_serial", name=name), str(error))
    if error.get_error_code() != libvirt.VIR_ERR_OPERATION_FAILED:
        return None
    if "PTY" in str(error):  # it is not yet assigned
        return Busy(Message("consoles.starting", name=name), str(error))
    return ConsoleTaken(Message("consoles.taken", name=name), str(error))
