"""`vm ssh`, `vm exec` and `vm cp` with real SSH servers: a guest in a network of its own, and its hypervisor."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from networks.models import Lease
from tests.support.making import make_vm
from tests.support.servers.sshd import sshd
from tests.support.waiting import wait_for
from virterweb.activity.models import Entry
from virterweb.hypervisors.models import Hypervisor
from vms.cloud_init import portal_key
from vms.models import VM, Power, VMStatus

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists(), reason="needs root and sshd"),
]
GUEST = """Port 22
HostKey {folder}/key
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
Subsystem sftp internal-sftp
"""


@pytest.fixture
def network() -> Iterator[str]:
    """Return the PID of a process in a network of its own."""
    holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    own = Path("/proc/self/ns/net").readlink()
    wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own, 10, "the network")
    subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "ip", "link", "set", "lo", "up"], check=True)
    yield str(holder.pid)
    holder.kill()
    holder.wait()


@pytest.fixture
def guest(network, vm, tmp_path, monkeypatch) -> Iterator[VM]:
    """A VM whose guest runs an SSH server, and whose hypervisor is reached by SSH."""
    folder = tmp_path / "guest"
    folder.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", folder / "key"], check=True)
    (folder / "authorized").write_text(f"{portal_key.authorized_line()}\n")
    (folder / "sshd_config").write_text(GUEST.format(folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)
    inside = ["nsenter", "-t", network, "-n"]
    server = subprocess.Popen([*inside, "/usr/sbin/sshd", "-D", "-f", folder / "sshd_config"])
    VM.objects.update(host_key_public=(folder / "key.pub").read_text(), wait_ssh=True)
    Lease.objects.update(ip="127.0.0.1")
    jump = tmp_path / "jump"
    jump.mkdir()
    with sshd(jump, *inside) as (port, agent):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        Hypervisor.objects.update(uri=f"qemu+ssh://root@127.0.0.1:{port}/system?no_verify=1")
        time.sleep(0.5)
        yield vm
    server.kill()
    server.wait()


def status_of(*words: str) -> int:
    try:
        call_command("vm", *words)
    except SystemExit as ended:
        return ended.code
    return 0


def test_a_command_runs_in_the_guest_and_its_exit_status_is_passed_on(guest, capfd):
    assert status_of("ssh", "alma-8-8", "echo", "hello", ";", "exit", "7") == 7
    assert capfd.readouterr().out == "hello\n"
    assert Entry.objects.filter(event="logged in", name="alma-8-8", result="done").count() == 1


def test_a_script_runs_with_its_variables_and_does_not_read_itself(guest, tmp_path, capfd):
    script = tmp_path / "run.sh"
    script.write_text('cat\necho "$A"\nexit 3\n')
    assert status_of("exec", "--provision", str(script), "--set", "A=it's $HOME", "alma-8-8") == 3
    assert capfd.readouterr().out == "it's $HOME\n"


def test_a_command_of_several_vms_names_each_in_its_output(guest, capsys):
    other = make_vm(guest.hypervisor, "web", 9, host_key_public=VM.objects.get().host_key_public, wait_ssh=True)
    VMStatus.objects.filter(desired=other).update(power=Power.RUNNING, present=True)
    nic = VM.objects.get(name="alma-8-8").status.nics.get()
    nic.pk, nic.vm = None, other.status
    nic.save()
    assert status_of("exec", "alma-8-8", "web", "--", "echo", "a  b") == 0
    assert sorted(capsys.readouterr().out.splitlines()) == ["alma-8-8: a  b", "web: a  b"]


def test_files_are_copied_there_and_back(guest, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/a:b").write_text("yes")
    assert status_of("cp", f"{tmp_path}/here", f"alma-8-8:{tmp_path}/there") == 0
    assert (tmp_path / "there/a:b").read_text() == "yes"
    assert status_of("cp", f"alma-8-8:{tmp_path}/there/a:b", f"{tmp_path}/back") == 0
    assert (tmp_path / "back").read_text() == "yes"
    assert status_of("cp", f"alma-8-8:{tmp_path}/none", f"{tmp_path}/back") != 0


def test_another_machine_at_the_address_is_not_logged_in_to(guest, tmp_path, capfd):
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", tmp_path / "other"], check=True)
    VM.objects.update(host_key_public=(tmp_path / "other.pub").read_text())
    assert status_of("ssh", "alma-8-8", "true") == 255
    assert "Host key verification failed" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status__power": Power.OFF}, "alma-8-8 is not running"),
        ({"host_key_public": ""}, "The SSH host key of alma-8-8 is unknown"),
        ({"lease": None}, "No address of alma-8-8 is known yet"),
    ],
)
def test_a_guest_that_cannot_be_reached_is_refused_with_the_reason(vm, values, reason):
    VM.objects.filter(pk=vm.pk).update(host_key_public=values.get("host_key_public", "ssh-rsa AAAA"))
    VMStatus.objects.update(power=values.get("status__power", Power.RUNNING))
    if "lease" in values:
        Lease.objects.all().delete()
    for words in (("ssh", "alma-8-8"), ("exec", "alma-8-8", "--", "id"), ("cp", "/tmp/a", "alma-8-8:/tmp")):
        with pytest.raises(CommandError, match=reason):
            call_command("vm", *words)
    assert not Entry.objects.filter(event="logged in").exists()


def test_a_missing_program_is_named(vm, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="ssh is not installed"):
        call_command("vm", "ssh", "alma-8-8")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("exec", "alma-8-8"), "Give a file with --provision, or a command after --"),
        (("exec", "-p", "run.sh", "alma-8-8", "--", "id"), "Give either a file"),
        (("exec", "alma-8-8", "-p", "/none/run.sh"), "/none/run.sh cannot be read"),
        (("exec", "alma-8-8", "none", "--", "id"), "none"),
        (("cp", "/tmp/a", "/tmp/b"), "write the path in it as NAME:PATH"),
        (("cp", "alma-8-8:/tmp/a"), "write the path in it as NAME:PATH"),
        (("cp", "alma-8-8:/tmp/a", "alma-8-8:/tmp/b"), "cannot be copied from a VM to a VM"),
        (("cp", "alma-8-8:/tmp/a", "/tmp/b", "/tmp/c"), "or all in the same VM"),
        (("ssh", "none"), "none"),
    ],
)
def test_a_wrong_command_is_refused_with_the_reason(vm, words, reason):
    with pytest.raises(CommandError, match=reason):
        call_command("vm", *words)
