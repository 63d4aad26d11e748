"""Hypervisor URIs that can run programs or read files are refused, wherever they come from."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from tests.support.making import make_hypervisor
from virterweb.hypervisors import sync
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import Unreachable
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.uris import validate_uri

GOOD = (
    "qemu:///system",
    "qemu:///session",
    "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
    "qemu+unix:///system?socket=/tmp/a%20b/libvirt-sock&mode=legacy",
    "qemu+ssh:///system",
    "qemu+ssh://root@lab7/system",
    "qemu+ssh://root@lab7.example.com:2222/system?no_verify=1&no_tty=1",
    "qemu+ssh://[fd00::7]/system?socket=/run/libvirt/libvirt-sock",
    "qemu+libssh2://lab7/system?known_hosts_verify=ignore&sshauth=agent,privkey",
    "qemu+tls://lab7/system",
    "qemu+tcp://10.0.0.1:16509/system",
    "qemu://lab7/system",
    "test:///default",
)
HOSTILE = (
    *("qemu+ext:///system?command=/tmp/x", "qemu+ext:///system", "ext:///x", "xen+ext:///"),
    *(f"qemu+ssh://lab7/system?{name}=/tmp/x" for name in ("command", "netcat", "keyfile", "known_hosts", "pkipath")),
    *("qemu+ssh://lab7/system?proxy=netcat", "qemu+ssh://lab7/system?proxy=native", "qemu+ssh://lab7/?mode=auto"),
    *("qemu+ssh://lab7/system?no_tty=1&command=/tmp/x", "qemu+ssh://lab7/system?no_tty=1;command=/tmp/x"),
    *("qemu+ssh://lab7/system?%63ommand=/tmp/x", "qemu+ssh://lab7/system?Command=/tmp/x"),
    *("qemu+ssh://lab7/system?socket=/a&command=/b", "qemu+unix:///system?socket=/a;command=/b"),
    *(
        "qemu+unix:///system?socket=/a?command=/b",
        "qemu+ssh://lab7/system?name=qemu+ext:///",
        "qemu:///system?unknown=1",
    ),
    *(
        "qemu+ssh://-oProxyCommand=x/system",
        "qemu+ssh://-x@lab7/system",
        "qemu+ssh://a b/system",
        "qemu+ssh://$(x)/system",
    ),
    *("qemu:///embed?root=/tmp", "qemu:///", "qemu://", "QEMU+EXT:///system", "qemu:///system#x", "qemu:///../system"),
    *(
        "vbox:///session",
        "vmwarews:///session",
        "lxc:///",
        "esx://host/",
        "alias-of-libvirt-conf",
        "",
        " qemu:///system",
    ),
    *(
        "qemu:///system\n",
        "qemu+ssh://lab7\n/system",
        "test:///etc/shadow",
        "test:///tmp/x.xml",
        "test+ssh://lab7/default",
    ),
    *("qemu+ssh://root:secret@lab7/system", "qemu+tcp://:secret@lab7/system", "qemu+ssh://root@lab7@x/system"),
    *("test+ext:///default?command=/tmp/x", "test:///default?command=/tmp/x"),
)


@pytest.mark.parametrize("uri", GOOD)
def test_known_forms_are_allowed(uri):
    validate_uri(uri)


@pytest.mark.parametrize("uri", HOSTILE)
def test_whatever_can_run_programs_or_read_files_is_refused(uri):
    with pytest.raises(ValidationError):
        validate_uri(uri)


@pytest.fixture
def trap(tmp_path):
    """A program that leaves a mark where it is run, as a URI that would run it."""
    program, mark = tmp_path / "program", tmp_path / "mark"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    return f"qemu+ext:///system?command={program}", mark


def test_a_uri_written_past_every_form_is_refused_before_connecting(db, trap):
    uri, mark = trap
    hypervisor = make_hypervisor(uri=uri)
    with pytest.raises(Unreachable, match="not allowed") as problem, connected(hypervisor.pk, uri):
        pass
    assert uri in problem.value.detail
    sync.observe(hypervisor.pk)
    hypervisor.status.refresh_from_db()
    assert "URI is not allowed" in str(hypervisor.status.error)
    assert not mark.exists()


@pytest.mark.parametrize(
    "given",
    [
        *("lab=qemu+ext:///system?command=/tmp/x", "lab=qemu+ssh://root:secret@lab7/system", "lab=xen:///system"),
        *(
            "a/b=test:///default",
            "=test:///default",
            "run=test:///default",
            "add=test:///default",
            "a b=test:///default",
        ),
        *("l\u200bab=test:///default", "-lab=test:///default", "l<b>=test:///default"),
    ],
)
def test_setup_takes_only_what_the_form_takes(db, given):
    with pytest.raises(CommandError):
        call_command("setup", hypervisor=[given])
    assert not Hypervisor.objects.exists()


def test_setup_changes_no_uri_to_a_refused_one(db):
    make_hypervisor("lab")
    with pytest.raises(CommandError, match="not allowed"):
        call_command("setup", hypervisor=["lab=qemu:///system?proxy=netcat"])
    assert Hypervisor.objects.get().uri == "test:///default"


def test_the_admin_form_refuses_it_at_the_field(client, operator):
    client.force_login(operator)
    answer = client.post(
        "/admin/hypervisors/hypervisor/add/", {"name": "x", "uri": "qemu+ext:///system?command=/tmp/x"}
    )
    assert "This URI is not allowed" in answer.context["adminform"].form.errors["uri"][0]
    assert not Hypervisor.objects.exists()
