"""The ssh command on the page of a VM, and the host that it jumps through."""

import shlex
import subprocess
from shutil import which

import pytest
from django.core.exceptions import ValidationError
from lxml import html

from tests.support.making import make_vm
from virterweb.hypervisors.models import Hypervisor
from vms.addresses.inventory import ansible, guests, ssh_config
from vms.addresses.jump_host import jump_host
from vms.models import VM

PIN = [
    *("-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "KnownHostsCommand=/bin/echo %H ssh-rsa AAAA"),
]


def set_hypervisor(**values: str) -> None:
    Hypervisor.objects.update(**values)


def section(page, vm: VM) -> html.HtmlElement | None:
    found = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//section[@id='ssh']")
    return found[0] if found else None


def line(page, vm: VM) -> list[str]:
    return shlex.split(section(page, vm).findtext(".//pre"))


def test_the_line_jumps_through_the_ssh_host_of_the_hypervisor_and_pins_the_host_key(page, vm):
    set_hypervisor(ssh_host="alice@lab.example.com:2222")
    assert line(page, vm) == ["ssh", "-J", "alice@lab.example.com:2222", *PIN, "root@192.168.122.8"]
    assert "through alice@lab.example.com:2222, where you need an account" in section(page, vm).text_content()


@pytest.mark.skipif(not which("ssh"), reason="needs OpenSSH's client")
def test_ssh_reads_the_line(page, vm):
    set_hypervisor(ssh_host="lab.example.com")
    command, *words = line(page, vm)
    done = subprocess.run([command, "-G", "-F", "none", *words], capture_output=True, text=True, check=True)
    said = dict(each.split(" ", 1) for each in done.stdout.splitlines() if " " in each)
    assert (said["hostname"], said["user"], said["proxyjump"]) == ("192.168.122.8", "root", "lab.example.com")
    assert said["knownhostscommand"] == "/bin/echo %H ssh-rsa AAAA"


def test_without_an_ssh_host_the_page_says_from_where_the_line_works(page, vm):
    assert line(page, vm) == ["ssh", *PIN, "root@192.168.122.8"]
    text = " ".join(section(page, vm).text_content().split())
    assert "The network default is reached from lab-1 only, so run the command there." in text


def test_a_network_that_is_routed_needs_no_jump(page, lab, vm):
    set_hypervisor(ssh_host="lab.example.com")
    lab.networks.get(name="default").status.write(forward_mode="route")
    assert line(page, vm) == ["ssh", *PIN, "root@192.168.122.8"]
    assert "ProxyJump" not in ssh_config(guests(VM.objects.all()))


def test_an_unknown_host_key_is_said_to_be_unknown(page, vm):
    VM.objects.update(host_key_public="")
    assert line(page, vm) == ["ssh", "root@192.168.122.8"]
    assert "The host key of this VM is unknown" in section(page, vm).text_content()


def test_a_vm_without_an_address_has_no_line(page, lab):
    assert section(page, make_vm(lab, "silent", 9)) is None


def test_the_exports_jump_as_well(vm):
    set_hypervisor(ssh_host="lab.example.com")
    found = guests(VM.objects.all())
    assert "    ProxyJump lab.example.com\n" in ssh_config(found)
    (variables,) = ansible(found)["_meta"]["hostvars"].values()
    assert variables["ansible_ssh_common_args"] == "-o ProxyJump=lab.example.com"


@pytest.mark.parametrize(
    ("uri", "ssh_host", "jump"),
    [
        ("qemu+ssh://root@lab7:2222/system", "", "root@lab7:2222"),
        ("qemu+libssh2://lab7/system?known_hosts_verify=auto", "", "lab7"),
        ("qemu+ssh://root@[fd00::7]/system", "", "root@[fd00::7]"),
        ("qemu+ssh:///system", "", ""),
        ("qemu+tls://lab7/system", "", ""),
        ("qemu:///system", "", ""),
        ("qemu:///system", "lab7", "lab7"),
        ("qemu+ssh://root@lab7/system", "bob@gate,lab7", "bob@gate,lab7"),
        ("qemu+ssh://root@lab7/system", "none", ""),
    ],
)
def test_the_jump_host_is_what_the_operator_sets_or_the_host_of_the_uri(uri, ssh_host, jump):
    assert jump_host(Hypervisor(uri=uri, ssh_host=ssh_host)) == jump


@pytest.mark.parametrize("text", ["-oProxyCommand=id", "a b", "lab7;id", "lab7\nHost *", "$(id)", "bob@", "lab7:port"])
def test_an_ssh_host_that_ssh_would_misread_is_refused(db, text):
    hypervisor = Hypervisor(name="lab-9", uri="qemu:///system", ssh_host=text)
    with pytest.raises(ValidationError) as refused:
        hypervisor.full_clean()
    assert "ssh_host" in refused.value.message_dict
