"""Public SSH keys as people paste them: what passes, what is named by its line, and what is never shown again."""

import base64
import textwrap

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
)
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.support.making import make_foreign_network, make_hypervisor, make_image
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.ssh_keys import MAX_LENGTH, cleaned, problems
from vms.models import VM

PAIRS = {
    "ed25519": ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
    "rsa": rsa.generate_private_key(65537, 2048),
    "nistp256": ec.generate_private_key(ec.SECP256R1()),
    "nistp521": ec.generate_private_key(ec.SECP521R1()),
}
LINES = {
    name: pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    for name, pair in PAIRS.items()
}
KEY = LINES["ed25519"]
TYPE, BLOB = KEY.split(" ")
SK = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAABHNzaDo= sk@example"
)
CERTIFICATE = (
    SSHCertificateBuilder()
    .public_key(PAIRS["nistp256"].public_key())
    .serial(1)
    .type(SSHCertificateType.USER)
    .key_id(b"me")
    .valid_principals([b"root"])
    .valid_after(0)
    .valid_before(2**63)
    .sign(PAIRS["ed25519"])
    .public_bytes()
    .decode()
)
SMALL_BLOB = base64.b64encode(b"\0\0\0\7ssh-rsa\0\0\0\3\1\0\1\0\0\0\x41\0" + b"\xff" * 64)
RFC4716 = f'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "me"\n{BLOB[:40]}\n{BLOB[40:]}\n---- END SSH2 PUBLIC KEY ----'
PPK = f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 1\n{BLOB}\nPrivate-Lines: 1\n{'A1b2' * 9}\n"


def private(name: str, form: PrivateFormat, *, encrypted: bool = False) -> str:
    how = BestAvailableEncryption(b"x") if encrypted else NoEncryption()
    return PAIRS[name].private_bytes(Encoding.PEM, form, how).decode()


SECRETS = {
    "OpenSSH": private("ed25519", PrivateFormat.OpenSSH),
    "PKCS 8": private("nistp256", PrivateFormat.PKCS8),
    "PKCS 8, encrypted": private("nistp256", PrivateFormat.PKCS8, encrypted=True),
    "PEM": private("rsa", PrivateFormat.TraditionalOpenSSL),
    "after a public one": f"{KEY} me\n{private('ed25519', PrivateFormat.OpenSSH)}",
    "in one line": private("ed25519", PrivateFormat.OpenSSH).replace("\n", " "),
    "without its frame": "".join(private("ed25519", PrivateFormat.OpenSSH).splitlines()[1:-1]),
    "PuTTY": PPK,
    "as UTF-16": private("ed25519", PrivateFormat.OpenSSH).encode("utf-16-le").decode("latin-1"),
    "with spaces in it": " ".join(textwrap.wrap(private("ed25519", PrivateFormat.OpenSSH), 11)),
    "as a secret of Kubernetes": base64.encodebytes(private("rsa", PrivateFormat.PKCS8).encode()).decode(),
    **{
        f"{pair}, {form}, without its frame": "\n".join(private(pair, form, encrypted=how).splitlines()[1:-1])
        for pair, form, how in (
            ("rsa", PrivateFormat.TraditionalOpenSSL, False),
            ("rsa", PrivateFormat.PKCS8, False),
            ("nistp256", PrivateFormat.TraditionalOpenSSL, False),
            ("nistp521", PrivateFormat.PKCS8, True),
            ("ed25519", PrivateFormat.PKCS8, False),
        )
    },
}


@pytest.mark.parametrize(
    "text",
    [
        *LINES.values(),
        f"{KEY} me@example",
        f"{KEY} ключ jürgen 🔑\r\n",
        f"# my keys\n\n{KEY} me\n  {LINES['rsa']}  \n",
        f"\ufeff{KEY}\r{LINES['rsa']}",
        f"{TYPE}\t{BLOB}\tme",
        f'from="10.0.0.0/8",no-pty,command="echo hi, \\"x\\"" {KEY} me',
        f"restrict {KEY}",
        f'cert-authority,principals="a,b",No-Agent-Forwarding {KEY}',
        f"{TYPE}\xa0{BLOB}\xa0me",
        f"{KEY} not a private key",
        SK,
        CERTIFICATE,
        "",
    ],
    ids=lambda text: "text",
)
def test_a_key_that_sshd_accepts_is_accepted(text):
    assert problems(cleaned(text)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ssh-ed25519", "Line 1: the key after ssh-ed25519 is missing."),
        (f"{KEY}\nssh-rsa", "Line 2: the key after ssh-rsa is missing."),
        ("~/.ssh/id_ed25519.pub", "Line 1: this is a path. Paste the content of the file"),
        ("/home/me/.ssh/id_rsa", "Line 1: this is a path."),
        ("C:\\Users\\me\\id_rsa.pub", "Line 1: this is a path."),
        ("id_ed25519.pub", "Line 1: this is a path."),
        (RFC4716, "Line 1: this is a key in the format of RFC 4716. Convert it with “ssh-keygen -i -f FILE”"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", "“ssh-keygen -i -m PKCS8 -f FILE”"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "Line 1: this is not an SSH key."),
        ("SHA256:6YFCS2kXvY5xk+6iHCxB0lvbCRV9jKDqYuAVPnMcZfU me", "Line 1: this is the fingerprint of a key"),
        (BLOB, "Line 1: the type before the key is missing"),
        ("please let me in", "Line 1: this is not a public key. A public key begins with its type"),
        ("https://example.test/me.keys", "Line 1: this is a web address. Open it"),
        (f"{KEY} me {LINES['rsa']}", "Line 1: it contains more than one key. Write each key on its own line."),
        (f"{KEY}==", "Line 1: the key is incomplete or was changed while it was copied."),
        (f"ssh-rsa {SMALL_BLOB.decode()}", "Line 1: this RSA key has less than 1024 bits"),
        *((f"{before} {KEY}", f"Line 1: the text before {TYPE} is not an option that sshd knows.") for before in
          ("example.test", "[192.0.2.1]:22", "-", "ssh_authorized_keys:", "no-pty,", "no-such", "from=10.0.0.1")),
        (f"ssh-rsa {BLOB}", "Line 1: the line says ssh-rsa, but its key has another type."),
        (f"{KEY}\n\n{TYPE} {BLOB[:50]}\n{BLOB[50:]} me\n{KEY}", "Line 3: the key continues on the next line."),
        (f"{TYPE} {BLOB[:50]} {BLOB[50:]}", "Line 1: the key is incomplete"),
        (f"{KEY} me\x1b[2J", "Line 1: it contains control characters."),
        (f"{KEY} me\u2028{KEY}", "Line 1: it contains control characters."),
    ],
)  # fmt: skip
def test_a_key_that_sshd_refuses_is_reported_with_its_line_and_a_solution(text, said):
    (found,) = problems(cleaned(text))
    assert said in found
    assert BLOB not in found


@pytest.mark.parametrize("line", [*LINES.values(), CERTIFICATE], ids=[*LINES, "certificate"])
def test_a_key_that_is_cut_anywhere_is_named(line):
    kind, blob = line.split(" ")
    for end in range(len(blob)):
        text = f"{kind} {blob[:end]} me" if end else kind
        assert len(problems(text)) == 1, end


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_private_key_is_refused_wherever_it_is_pasted_and_never_shown_or_kept(
    client, operator, enqueued, caplog, secret
):
    lab = make_hypervisor()
    make_foreign_network(lab)
    make_image(lab)
    client.force_login(operator)
    run = {"hypervisor": lab.pk, "image": "alma-8", "number": 8, "memory": 1024, "vcpus": 1, "boot_size": 10}
    settings = {"name": lab.name, "uri": lab.uri, "pool": "default", "access_network": "default"}
    settings |= {"shutdown_timeout": 20, "history_days": 90, "console_days": 7, "domain_type": "auto"}
    settings |= {"guest_network": "portal", "after_restart": "leave off"}
    words = (word for word in secret.split() if len(word) > 9 and word[-1] not in ":-" and word not in KEY)
    secret_part = next(words)[-9:]
    for path, fields in (
        ("/vms/run/", run),
        ("/vms/run/", run | {"change": "add-nic"}),
        ("/vms/run/preview/", run),
        (f"/admin/hypervisors/hypervisor/{lab.pk}/change/", settings),
    ):
        answer = client.post(path, {**fields, "ssh_keys": secret})
        assert answer.status_code != 302
        assert secret_part not in answer.content.decode(), path
        assert "PRIVATE KEY" not in answer.content.decode()
    with pytest.raises(CommandError) as refused:
        call_command("vm", "run", "alma-8", "--id", "8", "--ssh-key", secret)
    assert "--ssh-key: This is a private key." in str(refused.value)
    assert secret_part not in f"{refused.value}{caplog.text}"
    assert not VM.objects.exists()
    assert not Hypervisor.objects.exclude(ssh_keys="").exists()


def test_a_long_paste_is_refused_by_its_size(client, operator, enqueued):
    lab = make_hypervisor()
    client.force_login(operator)
    answer = client.post("/vms/run/", {"hypervisor": lab.pk, "ssh_keys": f"{KEY}\n" * (MAX_LENGTH // len(KEY) + 1)})
    assert "at most 64,000 are allowed" in str(answer.context["form"].errors["ssh_keys"])
