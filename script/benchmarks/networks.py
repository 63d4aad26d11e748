"""Benchmarks of changes of networks, compared with plain libvirt calls, run by `script/bench`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

HOSTS = 500
ATTACHED = 200
RESTARTED = 10  # running VMs on the network that is restarted

Report = Callable[[str, str, str, str], None]


def planning(report: Report, timed: Callable) -> None:
    from networks.definition.document.edit import build
    from networks.definition.document.leaves import leaves
    from networks.definition.plans.plan import plan
    from networks.definition.plans.steps import Found, Wanted
    from networks.definition.spec import HostSpec, NetworkSpec, SubnetSpec

    hosts = tuple(
        HostSpec(
            mac=f"52:54:00:01:{number // 256:02x}:{number % 256:02x}", ip=f"10.9.{1 + number // 250}.{number % 250}"
        )
        for number in range(HOSTS)
    )
    subnet = SubnetSpec(address="10.9.0.1", prefix=16, hosts=hosts)
    spec = NetworkSpec(name="planned", uuid="6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f10", subnets=(subnet,))
    found = Found(
        document=build(spec),
        live=build(spec).replace("<network>", "<network connections='200'>"),
        active=True,
        autostart=True,
        attached=tuple(f"vm-{number}" for number in range(ATTACHED)),
    )
    added = spec.with_hosts([HostSpec(mac="52:54:00:02:00:01", ip="10.9.200.1")])
    wanted = Wanted(document=build(added))

    def run() -> None:
        leaves.cache_clear()
        assert len(plan(wanted, found)) == 1

    seconds = timed(run)
    met = "met" if seconds <= 0.02 else "missed"
    report(
        f"Plan, {HOSTS} DHCP reservations, {ATTACHED} VMs", f"{1000 * seconds:.0f} ms", "1 step", f"goal ≤ 20 ms: {met}"
    )


class Editor:
    """Saves the edit form of a network as its page would, in this process; a worker carries it out."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model

        from benchmarks.client import page_client

        self.client = page_client()
        self.client.force_login(get_user_model().objects.get())

    def form(self, name: str) -> dict[str, str]:
        """Return the values of the form on its page."""
        from networks.changes.forms.network import NetworkForm
        from networks.changes.merge import as_base, as_text
        from networks.models import Network

        network = Network.objects.shown().get(name=name)
        token = re.search(
            r'name="token" value="([^"]*)"', self.client.get(f"/networks/lab/{name}/edit/").content.decode()
        )
        form = NetworkForm(network=network, user=None)
        values = {key: value for key, value in as_text(form).items() if value}
        return {**values, "base": as_base(form), "token": token[1]}

    def previewed(self, name: str, values: dict[str, str]) -> dict[str, str]:
        """Return the values with the token of their plan, which a page shows before they are saved."""
        answer = self.client.post(f"/networks/lab/{name}/edit/preview/", values)
        shown = re.search(r'name="token" value="([^"]*)"', answer.content.decode())
        assert shown, f"{answer.status_code}: {answer.content.decode()[-3000:]}"
        return {**values, "token": shown[1]}

    def save(self, name: str, values: dict[str, str]) -> None:
        """Save the form, once more if the plan has changed since it was shown, as after a poll."""
        answer = self.client.post(f"/networks/lab/{name}/edit/", values)
        if answer.status_code == 409:
            answer = self.client.post(f"/networks/lab/{name}/edit/", self.previewed(name, values))
        assert answer.status_code == 302, f"{answer.status_code}: {answer.content.decode()[-3000:]}"


def no_change(report: Report, editor: Editor, name: str) -> None:
    from networks.models import Network

    before = Network.objects.get(name=name).generation
    editor.save(name, editor.form(name))
    same = Network.objects.get(name=name).generation == before
    figure, met = ("no write", "met") if same else ("a push", "missed")
    report("Save of an edit that changes nothing", figure, "", f"goal no libvirt write: {met}")


def one_host_entry(
    compare: Callable, timed: Callable, host: object, editor: Editor, name: str, read: Callable[[], None]
) -> None:
    import libvirt

    network = host.networkLookupByName(name)
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    section = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST
    counter = iter(range(1, 200))

    def bare() -> None:
        number = next(counter)
        entry = f"<host mac='52:54:00:03:00:{number:02x}' ip='10.8.250.{number}'/>"
        network.update(libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, section, 0, entry, flags)
        read()

    alone = timed(bare)
    taken = []
    for number in range(5):
        values, mac = editor.form(name), f"52:54:00:04:00:{number:02x}"
        values["hosts"] += f"\n{mac} 10.8.251.{number + 1}"
        values = editor.previewed(name, values)
        began = time.perf_counter()
        editor.save(name, values)
        while mac not in network.XMLDesc():
            time.sleep(0.002)
        taken.append(time.perf_counter() - began)
        settled(name)
    compare(f"1 DHCP reservation more, of {HOSTS}: save to libvirt", sorted(taken)[2], alone)


def settled(name: str) -> None:
    from networks.models import Network

    while not Network.objects.select_related("status").get(name=name).done:
        time.sleep(0.02)


def restart(report: Report, timed: Callable, host: object, private: object, portal: object, name: str) -> None:
    from tests.lab.guest import Wire
    from tests.support.waiting import wait_for

    def bare() -> None:
        network = host.networkLookupByName("bench-1")
        network.destroy()
        network.create()

    alone = timed(bare)
    domains = []
    for number in range(RESTARTED):
        document = (
            f"<domain type='qemu'><name>run-{number}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>"
            f"<devices><interface type='network'><source network='{name}'/><model type='virtio'/></interface></devices>"
            "</domain>"
        )
        domains.append(host.createXML(document))
    taps = [re.search(r"<target dev='([^']+)'", domain.XMLDesc())[1] for domain in domains]
    attached = f"len(Network.objects.get(name='{name}').running_vms())"
    wait_for(lambda: portal.ask(attached) == RESTARTED, 20, "all are seen")
    with Wire(private, taps) as wire:
        portal.manage("network", "edit", name, "--mtu", "1400", "--yes")
        wait_for(lambda: len(host.networkLookupByName(name).listAllPorts()) == RESTARTED, 20, "all are back")
        time.sleep(6)  # STP's own time, to be seen whole
    off, silent = (max(gaps[index] for gaps in wire.gaps.values()) for index in (0, 1))
    met = "met" if off <= alone + 1 else "missed"
    beside = f"{1000 * alone:.0f} ms bare"
    report(
        f"Restart under {RESTARTED} VMs: longest off the bridge",
        f"{1000 * off:.0f} ms",
        beside,
        f"goal ≤ bare + 1 s: {met}",
    )
    report("… longest without forwarding, by the bridge’s STP", f"{1000 * silent:.0f} ms", "", "")
    for domain in domains:
        domain.destroy()


def crowded(portal: object, name: str) -> None:
    """Return a managed network with many DHCP reservations."""
    flags = ["--dhcp-mac", "52:54:00:01:00:00", "--dhcp-count", str(HOSTS), "--dhcp"]
    portal.manage("network", "add", name, "-n", "10.8.0.1/16", *flags)
