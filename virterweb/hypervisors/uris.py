"""Validation of libvirt URIs.

libvirt's URIs can name programs to run (`qemu+ext`, `command`, `netcat`, `proxy`), files to read (`keyfile`,
`known_hosts`, `pkipath`) and further drivers on the other side (`name`, and all parameters unknown to libvirt), see
https://libvirt.org/uri.html. So the allowed parts are listed, and everything else is refused.
"""

import re

from django.core.exceptions import ValidationError

USER = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]"
HOST = rf"(?:{USER}@)?(?:{NAME})(?::[0-9]{{1,5}})?"
PARAMETERS = {
    "socket": r"/(?:[A-Za-z0-9/._:@+,~-]|%[0-9A-Fa-f]{2})+",  # a socket's path, quoted as in any URI
    "mode": "auto|legacy|direct",
    "no_tty": "0|1",
    "no_verify": "0|1",
    "known_hosts_verify": "normal|auto|ignore",
    "sshauth": r"(?:agent|privkey|password|keyboard-interactive)(?:,(?:agent|privkey|password|keyboard-interactive))*",
}
PARAMETER = "|".join(f"{name}=(?:{value})" for name, value in PARAMETERS.items())
QUERY = rf"(?:\?(?:{PARAMETER})(?:&(?:{PARAMETER}))*)?"
LOCAL = rf"qemu(?:\+unix)?:///(?:system|session){QUERY}"
REMOTE = rf"qemu\+(?:ssh|libssh|libssh2|tls|tcp)://(?:{HOST})?/(?:system|session){QUERY}"
PLAIN = rf"qemu://{HOST}/(?:system|session){QUERY}"
#: libvirt's own test driver, without a path of its own: that would be a file that libvirt reads.
TEST = r"test:///[A-Za-z0-9_-]+(?:\?[A-Za-z0-9_-]+)?"
ALLOWED = re.compile("|".join((LOCAL, REMOTE, PLAIN, TEST)))

REFUSED = (
    "This URI is not allowed. Use qemu:///system, qemu+unix:///system?socket=/path, or qemu+ssh://user@host/system "
    f"(also +libssh, +libssh2, +tls, +tcp), with no other parameters than {', '.join(PARAMETERS)}: "
    "others can run programs or read files."
)


def validate_ssh_host(text: str) -> None:
    """Raise ValidationError unless a text is a host for ssh's ProxyJump: [USER@]HOST[:PORT], several by commas."""
    if not re.fullmatch(rf"{HOST}(?:,{HOST})*", text):
        raise ValidationError(
            "Enter [USER@]HOST[:PORT], for example alice@lab.example.com:2222. Separate several hosts with commas. "
            "Enter none if guests are reached directly."
        )


def validate_uri(uri: str) -> None:
    """Raise ValidationError unless a URI is of a known form, with known parameters only."""
    if not ALLOWED.fullmatch(uri):
        raise ValidationError(REFUSED)
