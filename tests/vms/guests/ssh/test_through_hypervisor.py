"""A guest of a hypervisor that is reached by SSH is logged in to through the hypervisor."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.servers.sshd import sshd
from tests.vms.guests.ssh.ssh_guest import GUEST_KEY, Guest, serving
from virterweb.hypervisors.gateway import jump
from virterweb.messages import Message
from vms.guests import ssh

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists(), reason="needs root and sshd"),
]


def test_the_portal_logs_in_to_a_guest_through_the_hypervisor(tmp_path, monkeypatch, own_key):
    reports = []
    with sshd(tmp_path) as (login, agent), serving(Guest(own_key.get_base64(), 0, "facts")) as port:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        uri = f"qemu+ssh://root@127.0.0.1:{login}/system?no_verify=1"
        with closing(jump.open_tunnel(uri, "127.0.0.1", port, 5)) as tunnel:
            said = ssh.talk(tunnel, "guest", f"ssh-rsa {GUEST_KEY.get_base64()}", "root", reports.append)
    assert (said, reports) == (Message(), ["facts"])
