"""URLs of images, as users type them and as web servers redirect to them. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from virterweb.messages import InvalidValue, Message

LONGEST = 2000  # characters
PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9.])?|[0-9A-Fa-f:.]+")
KEPT = "/%:=&?~+!$,;'()*@[]#"  # characters that are not encoded


@dataclass(frozen=True, kw_only=True)
class Source:
    """The parts of a URL that a request needs; `target` is the path with the query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def folder(self) -> str:
        """Return the path of the folder that the file is in, with a slash at its end."""
        return self.target.partition("?")[0].rpartition("/")[0] + "/"

    @property
    def file_name(self) -> str:
        return unquote(self.target.partition("?")[0].rpartition("/")[2])

    def __str__(self) -> str:
        """Return the URL without its query, which may be a secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target.partition('?')[0]}"


def parse(url: str) -> Source:
    """Return the parts of a URL.

    Raises:
        InvalidValue: No image can be fetched from it.
    """
    if len(url) > LONGEST or not url.isprintable() or " " in url:
        raise InvalidValue(Message("source.characters", longest=LONGEST))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as problem:
        raise InvalidValue(Message("source.invalid")) from problem
    if parts.scheme not in PORTS:
        raise InvalidValue(Message("source.scheme", scheme=parts.scheme))
    if parts.username is not None or parts.password is not None:
        raise InvalidValue(Message("source.password"))
    if not HOST.fullmatch(_ascii(host)) or port == 0:
        raise InvalidValue(Message("source.invalid"))
    query = f"?{quote(parts.query, KEPT)}" if parts.query else ""
    target = (quote(parts.path, KEPT) or "/") + query
    return Source(scheme=parts.scheme, host=_ascii(host), port=port or PORTS[parts.scheme], target=target)


def _ascii(host: str) -> str:
    """Return a host name as the DNS has it; "" if it cannot be one."""
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return ""
