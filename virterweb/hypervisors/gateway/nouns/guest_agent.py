"""QEMU's guest agent: programs that it runs in a guest."""

import base64
import json
import time
from collections.abc import Iterable

import libvirt
import libvirt_qemu

from virterweb.hypervisors.gateway.found import FoundOutput, Refused, Silent, Unreachable
from virterweb.hypervisors.gateway.session import LOST, NO_AGENT, Session, reason_of
from virterweb.messages import Message

LARGEST_CODE = 2**31 - 1  # of a program in a guest, which may return anything
AGENT_TIMEOUT = 5  # seconds


class GuestAgent:
    """The agents of guests, each guest named by its domain's UUID."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def run(self, uuid: str, command: Iterable[str], seconds: float) -> FoundOutput:
        """Run a program in a guest by its agent, wait for its end, and return its output, both streams in one.

        It runs as root, with the environment of the agent. Raises Silent if no agent answers or the program takes too
        long, and may then continue; Refused if the agent forbids it.
        """
        path, *arguments = command
        # One shell around it joins both streams, which agents before QEMU 8.1 cannot.
        words = ["-c", 'exec 2>&1; exec "$@"', "sh", path, *arguments]
        run = {"path": "/bin/sh", "arg": words, "capture-output": True}
        deadline = time.monotonic() + seconds
        try:
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            pid = _ask_agent(domain, "guest-exec", run)["pid"]
            pause = 0.05
            while not (said := _ask_agent(domain, "guest-exec-status", {"pid": pid}))["exited"]:
                if time.monotonic() > deadline:
                    raise Silent(Message("agent.slow", path=path, seconds=f"{seconds:.0f}"))
                time.sleep(pause)
                pause = min(1.0, 1.5 * pause)
        except libvirt.libvirtError as error:
            if error.get_error_code() in NO_AGENT:
                raise Silent(Message("agent.silent"), str(error)) from error
            if error.get_error_code() in LOST:
                raise Unreachable(Message("hypervisor.unreachable"), str(error)) from error
            raise Refused(Message("agent.refused", reason=reason_of(error)), str(error)) from error
        except (LookupError, TypeError) as error:  # the guest may answer anything
            raise Refused(Message("agent.garbled"), str(error)) from error
        try:
            text = base64.b64decode(said.get("out-data", "")).decode(errors="replace")
            code = int(said["exitcode"]) if "exitcode" in said else 128 + int(said.get("signal", 0))
            return FoundOutput(code=code if 0 <= code <= LARGEST_CODE else LARGEST_CODE, text=text)
        except (TypeError, ValueError) as error:
            raise Refused(Message("agent.garbled"), str(error)) from error


def _ask_agent(domain: libvirt.virDomain, verb: str, arguments: dict[str, object]) -> dict:
    """Send a command to the guest agent and return its answer; libvirt waits AGENT_TIMEOUT for it."""
    asked = json.dumps({"execute": verb, "arguments": arguments})
    return json.loads(libvirt_qemu.qemuAgentCommand(domain, asked, AGENT_TIMEOUT, 0))["return"]
