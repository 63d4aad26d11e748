"""The portal logs in to a guest by SSH and names the reason when it cannot."""

import socket
import threading
from collections.abc import Callable

import paramiko
import pytest

from tests.vms.guests.ssh.ssh_guest import GUEST_KEY, IP, Guest, serving
from vms.guests import ssh

pytestmark = pytest.mark.integration


OTHER_KEY = paramiko.RSAKey.generate(2048)


def talk(port: int, user: str = "root", key: paramiko.PKey = GUEST_KEY, tell: Callable | None = None) -> str:
    connection = socket.create_connection(("127.0.0.1", port))
    return str(ssh.talk(connection, IP, f"ssh-rsa {key.get_base64()}", user, tell))


def test_a_guest_that_accepts_the_login_after_cloud_init_is_ready(own_key):
    guest = Guest(own_key.get_base64(), 0)
    with serving(guest) as port:
        assert talk(port) == ""
    assert guest.asked == ["test -e /run/cloud-init/result.json"]


def test_a_ready_guest_reports_the_result_of_cloud_init(own_key):
    told: list[str] = []
    with serving(Guest(own_key.get_base64(), 0, "as it is\nend\n")) as port:
        assert talk(port, tell=told.append) == ""
    assert told == ["as it is\nend\n"]
    with serving(Guest(own_key.get_base64(), 1, "end")) as port:
        assert talk(port, tell=told.append) == "cloud-init is still running"
    assert len(told) == 1


def test_cloud_init_may_still_be_running(own_key):
    with serving(Guest(own_key.get_base64(), 1)) as port:
        assert talk(port) == "cloud-init is still running"


def test_a_guest_can_refuse_the_login(own_key):
    with serving(Guest(OTHER_KEY.get_base64(), 0)) as port:
        assert talk(port) == "the portal cannot log in by SSH as root"
    with serving(Guest(own_key.get_base64(), 0)) as port:
        assert talk(port, user="alma") == "the portal cannot log in by SSH as alma"


@pytest.mark.parametrize("key", [OTHER_KEY, paramiko.ECDSAKey.generate()], ids=["another RSA key", "none of RSA"])
def test_the_portal_does_not_log_in_to_a_machine_with_another_host_key(own_key, key):
    guest = Guest(own_key.get_base64(), 0)
    with serving(guest, host_key=key) as port:
        assert f"another machine answers at {IP}" in talk(port)
    assert guest.asked == []


def test_another_server_than_ssh_is_an_error(own_key):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        assert talk(listener.getsockname()[1]).startswith(f"the SSH connection to {IP} was interrupted: ")


def test_a_server_that_does_not_answer_times_out(own_key, monkeypatch):
    monkeypatch.setattr(ssh, "STEP_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert talk(listener.getsockname()[1]).startswith(f"the SSH connection to {IP} was interrupted: ")
