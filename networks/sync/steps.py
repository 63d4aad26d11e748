"""Execution of the single steps of a plan."""

from networks.definition.document.parse import parse
from networks.definition.plans.steps import Found, Step, Verb
from networks.models import Network
from networks.sync.reconnect import disconnected_nics, nic_rows, reconnect_nics
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.reasons import Code
from virterweb.messages import Message


def found_side(network: Network, connection: Connection, with_nics: bool = True) -> Found | None:
    found = connection.networks.get(network.uuid_text)
    if not found:
        return None
    nics = connection.ports.of_network(network.uuid_text) if with_nics else []
    return Found(
        document=found.stored,
        live=found.document if found.active else "",
        active=found.active,
        autostart=found.autostart,
        attached=tuple(sorted({nic.vm for nic in nics})),
        disconnected=tuple(sorted({nic.vm for nic in disconnected_nics(network, nics)})),
        persistent=found.persistent,
    )


def run_step(step: Step, network: Network, connection: Connection) -> None:
    uuid, name = network.uuid_text, network.name
    match step.verb:
        case Verb.DEFINE:
            connection.networks.define(step.xml, name)
        case Verb.AUTOSTART | Verb.NO_AUTOSTART:
            connection.networks.set_autostart(uuid, name, step.verb is Verb.AUTOSTART)
        case Verb.START:
            _start(network, connection)
        case Verb.STOP:
            connection.networks.stop(uuid, name)
        case Verb.UNDEFINE:
            network.confirm()
            connection.networks.undefine(uuid, name)
        case Verb.UPDATE:
            connection.networks.update(uuid, step.update, Message("network.step", step=step.as_json()))
        case Verb.RESTART:
            _restart(network, connection)
        case Verb.RECONNECT:
            reconnect_nics(network, connection)


def _restart(network: Network, connection: Connection) -> None:
    """Restart the network. Its NICs are recorded first, so that the successor of a killed worker reconnects them."""
    uuid, name = network.uuid_text, network.name
    # A successor that finds it stopped must start it in any case.
    network.status.write(restarting=True)
    if nics := connection.ports.of_network(uuid):
        network.status.write(disconnected=nic_rows(nics))
        connection.ports.prepare_reconnect(uuid)
    connection.networks.stop(uuid, name)
    _start(network, connection)


def _start(network: Network, connection: Connection) -> None:
    """Start the network; if a killed libvirt left its bridge behind, let libvirt choose another bridge."""
    try:
        connection.networks.start(network.uuid_text, network.name)
    except Refused as problem:
        if not problem.because(Code.BRIDGE_EXISTS) or not network.managed or parse(network.document).bridge:
            raise
        connection.networks.define(network.full_document, network.name)
        connection.networks.start(network.uuid_text, network.name)
    network.status.write(restarting=False)
