"""Private SSH keys that earlier versions stored are removed; the rest of the text stays."""

import base64
from importlib import import_module

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from django.apps import apps

from tests.support.making import SSH_KEY, make_hypervisor, make_vm
from virterweb.pages.ssh_keys import is_private, problems

migration = import_module("vms.migrations.0017_no_private_keys")

PUTTY = """PuTTY-User-Key-File-2: ssh-rsa
Encryption: aes256-cbc
Comment: rsa-key-20200101
Public-Lines: 1
AAAAB3NzaC1yc2EAAAABJQAAAIEAhTjn
Private-Lines: 2
AAAAgQCfk8RkTlHTqKwBGqKSjZ8zvS1K
bWAAAABBALqyzPWZ0wMTzB9CeuTLOfQG
Private-MAC: 5b1d7ab7cb9ab2ab5d5e1c1e1b2f
"""


def pem(form: str, password: bytes = b"") -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if form == "OpenSSH":
        key = ed25519.Ed25519PrivateKey.generate()
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), lock).decode()


OPENSSH = pem("OpenSSH")
PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
PUBLIC = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE = {
    "OpenSSH": OPENSSH,
    "OpenSSH with a password": pem("OpenSSH", b"secret"),
    "PEM": pem("TraditionalOpenSSL"),
    "PEM with a password": pem("TraditionalOpenSSL", b"secret"),
    "PKCS8": pem("PKCS8"),
    "PKCS8 with a password": pem("PKCS8", b"secret"),
    "PuTTY": PUTTY,
    "cut off": "\n".join(OPENSSH.splitlines()[:3]) + "\n",
    "without its frame": "\n".join(OPENSSH.splitlines()[1:-1]) + "\n",
    "PEM without its frame": "\n".join(pem("TraditionalOpenSSL").splitlines()[1:-1]) + "\n",
    "PKCS8 without its frame": "\n".join(pem("PKCS8").splitlines()[1:-1]) + "\n",
    "PKCS8 with a password, without its frame": "\n".join(pem("PKCS8", b"secret").splitlines()[1:-1]) + "\n",
    "as a secret of Kubernetes": base64.encodebytes(pem("PKCS8").encode()).decode(),
    "in one line": " ".join(OPENSSH.splitlines()) + "\n",
    "indented": "".join(f"  {line}\n" for line in OPENSSH.splitlines()),
}
BEFORE = f"# laptop\n{SSH_KEY} otto@laptop\n"
AFTER = f'# behind it\ncommand="x: y",no-pty {SSH_KEY} otto@tower'


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("kind", PRIVATE)
def test_the_private_key_goes_and_all_else_stays(kind, end):
    private = PRIVATE[kind]
    assert is_private(private)
    for before, after in ((BEFORE, AFTER), ("", AFTER), (BEFORE, ""), ("", ""), (BEFORE + private, AFTER)):
        text = (before + private + after).replace("\n", end)
        rest = (before.replace(private, "") + after).replace("\n", end)
        assert migration.without_private_keys(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        BEFORE + AFTER,
        "",
        PUBLIC,
        "\n".join(PUBLIC.splitlines()[1:-1]),
        "# PRIVATE KEY of nobody\n",
        f"{SSH_KEY} not my PRIVATE KEY",
    ],
)
def test_a_text_without_a_private_key_is_not_changed(text):
    assert migration.without_private_keys(text) == text


def test_private_keys_of_hypervisors_and_vms_are_removed(db, enqueued):
    text = BEFORE + OPENSSH + AFTER
    lab = make_hypervisor(ssh_keys=text)
    vms = [make_vm(lab, f"vm-{number}", number, ssh_keys=keys) for number, keys in enumerate((text, BEFORE, ""), 8)]
    host_keys = [vm.host_key for vm in vms]
    migration.clean(apps, None)
    lab.refresh_from_db()
    for vm in vms:
        vm.refresh_from_db()
    assert lab.ssh_keys == BEFORE + AFTER
    assert problems(lab.ssh_keys) == []
    assert [vm.ssh_keys for vm in vms] == [BEFORE + AFTER, BEFORE, ""]
    assert [vm.host_key for vm in vms] == host_keys  # the guest's own
