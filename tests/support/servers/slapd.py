"""A private OpenLDAP server on loopback, with a certificate of its own."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import ldap
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from ldap.modlist import addModlist

from tests.support.portal import free_port
from tests.support.waiting import wait_for

ROOT, ROOT_PASSWORD = "cn=admin,dc=lab", "the root's"
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/certificate
TLSCertificateKeyFile {folder}/key
database mdb
suffix dc=lab
rootdn {ROOT}
rootpw "{ROOT_PASSWORD}"
directory {folder}
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""


class Slapd:
    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"ldap://127.0.0.1:{free_port()}"
        self.certificate = folder / "certificate"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        _make_certificate(self.folder)
        text = CONFIGURATION.format(folder=self.folder, ROOT=ROOT, ROOT_PASSWORD=ROOT_PASSWORD)
        (self.folder / "slapd.conf").write_text(text)
        program = shutil.which("slapd") or "/usr/sbin/slapd"
        command = [program, "-f", self.folder / "slapd.conf", "-h", self.url, "-d", "0"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(self._answers, 20, "slapd answers")
        self.add("dc=lab", objectClass=["dcObject", "organization"], dc="lab", o="Lab")
        for name in ("people", "groups"):
            self.add(f"ou={name},dc=lab", objectClass="organizationalUnit", ou=name)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def _answers(self) -> bool:
        with suppress(ldap.LDAPError):
            return bool(ldap.initialize(self.url).whoami_s() == "")
        return False

    def connection(self) -> ldap.ldapobject.LDAPObject:
        found = ldap.initialize(self.url)
        found.simple_bind_s(ROOT, ROOT_PASSWORD)
        return found

    def add(self, dn: str, **attributes: str | list[str]) -> None:
        values = {
            name: [each.encode() for each in ([value] if isinstance(value, str) else value)]
            for name, value in attributes.items()
        }
        self.connection().add_s(dn, addModlist(values))

    def add_user(self, name: str, password: str) -> str:
        dn = f"uid={name},ou=people,dc=lab"
        names = {"uid": name, "cn": name, "sn": "Muster", "givenName": name.title()}
        self.add(dn, objectClass="inetOrgPerson", userPassword=password, **names)
        return dn

    def set_members(self, group: str, *members: str) -> None:
        """Make a group with these members, which replaces the one that there was."""
        dn = f"cn={group},ou=groups,dc=lab"
        with suppress(ldap.NO_SUCH_OBJECT):
            self.connection().delete_s(dn)
        self.add(dn, objectClass="groupOfNames", cn=group, member=list(members) or [ROOT])


@contextmanager
def slapd(folder: Path) -> Iterator[Slapd]:
    """Run a server as long as the context lasts."""
    server = Slapd(folder)
    server.start()
    yield server
    if server.process.poll() is None:
        server.stop()


def _make_certificate(folder: Path) -> None:
    """Write a certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "slapd of a test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "key").write_bytes(key.private_bytes(encoding, kind, serialization.NoEncryption()))
    (folder / "certificate").write_bytes(certificate.public_bytes(encoding))
