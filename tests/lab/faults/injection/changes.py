"""Random changes of networks and VMs, through pages and the command line."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from lxml import html

from tests.support.portal import Portal

from .browser import Answer, Browser, NoAnswer
from .model import Model, NetworkModel, Thing, VMModel

MAX_NETWORKS, MAX_VMS = 5, 3
MAX_HOSTS, MAX_NICS = 6, 4  # of each network, of each VM


class NothingToChange(Exception):
    """There is no object that the chosen change applies to."""


@dataclass(kw_only=True)
class Writer:
    """One user who makes one change after the other; no other user changes the same objects."""

    portal: Portal
    browser: Browser
    model: Model
    hypervisor: int
    is_settled: Callable[[str], bool]
    """Returns whether all changes of the VM with this name have been carried out."""
    draw: random.Random
    number: int = 0

    def change(self) -> None:
        """Make a random change; if it is not possible or a page cannot be opened, make none."""
        try:
            self.draw.choice(self.verbs())()
        except (NoAnswer, NothingToChange):
            return

    def verbs(self) -> list[Callable[[], None]]:
        """Return the changes to choose from; one that occurs twice is chosen twice as often."""
        raise NotImplementedError

    def next(self) -> int:
        self.number += 1
        return self.number

    def pick(self, kind: type[Thing]) -> str:
        """Return the name of a network or VM, at random.

        Raises: NothingToChange.
        """
        names = sorted(name for name, thing in self.model.things.items() if isinstance(thing, kind))
        if not names:
            raise NothingToChange(f"no {kind.__name__}")
        return self.draw.choice(names)

    def count(self, kind: type[Thing]) -> int:
        return sum(isinstance(thing, kind) for thing in self.model.things.values())

    def send(self, verb: str, name: str, after: Thing | None, path: str, /, **fields: object) -> None:
        answer, _ = self.browser.send(path, fields)
        self.model.note(verb, name, after, answer)

    def send_form(self, verb: str, name: str, after: Thing, path: str, /, **fields: str) -> None:
        """Open a form, change fields, and send it; send it again if the server shows a new preview first."""
        values = form_of(self.browser.get(path), {*fields}) | fields
        answer, page = self.browser.send(path, values)
        # The token of the plan belongs to the form, but is outside of its element.
        tokens = page.xpath("//input[@name='token']/@value") if answer is Answer.REFUSED else []
        if tokens:
            answer, _ = self.browser.send(path, values | {"token": tokens[0]})
        self.model.note(verb, name, after, answer)


def form_of(page: html.HtmlElement, names: set[str]) -> dict[str, str]:
    """Return the fields of the form that has these, as a browser would send them."""
    forms = [form for form in page.forms if names <= set(form.fields.keys())]
    return dict(forms[0].form_values())


class NetworkWriter(Writer):
    def verbs(self) -> list[Callable[[], None]]:
        verbs = [self.add, self.edit, self.reserve]
        return [*verbs, *verbs, self.reserve, self.release, self.delete, self.by_command]

    def _new(self) -> tuple[str, NetworkModel]:
        number = self.next()
        return f"fault-{number}", NetworkModel(block=f"10.{100 + number // 250}.{number % 250}.1/24")

    def add(self) -> None:
        if self.count(NetworkModel) >= MAX_NETWORKS:
            return self.delete()
        name, after = self._new()
        fields = {"hypervisor": self.hypervisor, "name": name, "ipv4": after.block, "forward_mode": ""}
        return self.send("add", name, after, "/networks/add/", **fields, dhcp="on", dns="yes", autostart="on", stp="on")

    def edit(self) -> None:
        """Change the title, which libvirt changes live, or the domain, for which the network is restarted."""
        name, number = self.pick(NetworkModel), self.next()
        now = self.model.things[name]
        changed = {"title": f"title {number}"} if self.draw.random() < 0.5 else {"domain": f"d{number}.test"}
        after = replace(now, **changed, changes=now.changes + 1)
        self.send_form("edit", name, after, f"/networks/lab/{name}/edit/", **changed)

    def reserve(self) -> None:
        name, number = self.pick(NetworkModel), self.next()
        now = self.model.things[name]
        used = {ip for _, ip in now.hosts}
        prefix = now.block.rpartition(".")[0]
        free = sorted({f"{prefix}.{last}" for last in range(2, 2 + MAX_HOSTS)} - used)
        if not free:
            return self.release()
        host = (f"52:54:00:11:{number // 256:02x}:{number % 256:02x}", self.draw.choice(free))
        after = replace(now, hosts=now.hosts | {host}, changes=now.changes + 1)
        return self.send("reserve", name, after, f"/networks/lab/{name}/hosts/add/", mac=host[0], ip=host[1])

    def release(self) -> None:
        name = self.pick(NetworkModel)
        now = self.model.things[name]
        if now.hosts:
            mac, ip = self.draw.choice(sorted(now.hosts))
            after = replace(now, hosts=now.hosts - {(mac, ip)}, changes=now.changes + 1)
            self.send("release", name, after, f"/networks/lab/{name}/hosts/remove/", ip=f"{ip} {mac}")

    def delete(self) -> None:
        name = self.pick(NetworkModel)
        self.send("delete", name, None, f"/networks/lab/{name}/remove/")

    def by_command(self) -> None:
        """Add or delete a network on the command line; if the command fails, the change may have been saved or not."""
        if self.count(NetworkModel) < MAX_NETWORKS:
            name, after = self._new()
            words = ("add", name, "--dhcp", "-n", after.block)
        else:
            name, after, words = self.pick(NetworkModel), None, ("rm",)
            words = ("rm", name)
        done = self.portal.tried("network", *words, "--no-wait")
        self.model.note(f"manage {words[0]}", name, after, Answer.ACCEPTED if not done.returncode else Answer.UNKNOWN)


class VMWriter(Writer):
    def verbs(self) -> list[Callable[[], None]]:
        verbs = [self.run, self.switch, self.add_nic, self.change_nic]
        return [*verbs, *verbs, self.remove_nic, self.delete]

    def run(self) -> None:
        if self.count(VMModel) >= MAX_VMS:
            return self.delete()
        number = 20 + self.next() % 200
        name = f"tiny-{number}"
        if name in self.model.things:
            return None
        after = VMModel(number=number, nics=frozenset({(f"52:54:00:00:00:{number:02x}", "default", True)}))
        image = self.browser.get("/vms/run/").xpath("//select[@name='image']/option[normalize-space()='tiny']/@value")
        fields = {"hypervisor": self.hypervisor, "image": image[0], "number": number, "memory": 32, "vcpus": 1}
        return self.send("run", name, after, "/vms/run/", **fields, boot_size=1, count=1, console_log="on")

    def switch(self) -> None:
        """Force a VM off, or start it once its changes are carried out: otherwise NICs to be removed would stay."""
        name = self.pick(VMModel)
        now = self.model.things[name]
        if not now.running and not self.is_settled(name):
            return
        after = replace(now, running=not now.running, changes=now.changes + 1)
        self.send("force off" if now.running else "start", name, after, self._path(name, now.running))

    def _path(self, name: str, running: bool) -> str:
        return f"/vms/lab/{name}/force-off/" if running else f"/vms/lab/{name}/start/"

    def _off(self) -> tuple[str, VMModel]:
        """Return a VM that should be off: a guest with so little memory does not respond to unplugging."""
        name = self.pick(VMModel)
        now = self.model.things[name]
        if now.running:
            self.switch()
            raise NothingToChange("it runs")
        return name, now

    def add_nic(self) -> None:
        name, now = self._off()
        if len(now.nics) >= MAX_NICS:
            return self.remove_nic()
        number = self.next()
        mac = f"52:54:00:22:{number // 256:02x}:{number % 256:02x}"
        nic = (mac, self.draw.choice(["default", "kept"]), True)
        after = replace(now, nics=now.nics | {nic}, changes=now.changes + 1)
        fields = {"network": nic[1], "model": "virtio", "mac": mac, "link_up": "on"}
        return self.send("add NIC", name, after, f"/vms/lab/{name}/nics/add/", **fields)

    def change_nic(self) -> None:
        """Move a NIC to the other network, also of a running VM."""
        name = self.pick(VMModel)
        now = self.model.things[name]
        others = sorted(nic for nic in now.nics if nic[0].startswith("52:54:00:22"))
        if not others:
            return self.add_nic()
        nic = self.draw.choice(others)
        moved = (nic[0], {"default": "kept", "kept": "default"}[nic[1]], nic[2])
        after = replace(now, nics=now.nics - {nic} | {moved}, changes=now.changes + 1)
        path = f"/vms/lab/{name}/nics/{nic[0]}/edit/"
        return self.send_form("change NIC", name, after, path, network=moved[1])

    def remove_nic(self) -> None:
        name, now = self._off()
        others = sorted(nic for nic in now.nics if nic[0].startswith("52:54:00:22"))
        if others:
            nic = self.draw.choice(others)
            after = replace(now, nics=now.nics - {nic}, changes=now.changes + 1)
            self.send("remove NIC", name, after, f"/vms/lab/{name}/nics/{nic[0]}/remove/")

    def delete(self) -> None:
        name = self.pick(VMModel)
        self.send("delete VM", name, None, f"/vms/lab/{name}/remove/", name=name)
