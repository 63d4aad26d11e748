"""Checks of pasted public SSH keys, line by line, by the AUTHORIZED_KEYS FILE FORMAT of sshd(8). Pure.

Messages name the line and never repeat what was pasted, because it may be a secret.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

MAX_LENGTH = 64_000  # characters: hundreds of keys
MAX_PROBLEMS = 3  # problems that are shown

# Types, and what their base64 holds after the type itself, s for a string, a digit for that many bytes: RFC 4253,
# RFC 5656, RFC 8709, OpenSSH's PROTOCOL.u2f and PROTOCOL.certkeys.
ELLIPTIC = {f"ecdsa-sha2-nistp{size}": "ss" for size in (256, 384, 521)}
PLAIN = {"ssh-ed25519": "s", "ssh-ed448": "s", "ssh-rsa": "ss", "ssh-dss": "ssss", **ELLIPTIC}
IN_SECURITY_KEYS = {"sk-ssh-ed25519": "ss", "sk-ecdsa-sha2-nistp256": "sss"}
ISSUERS = "84ss88sssss"
LAYOUTS = {
    **PLAIN,
    **{f"{kind}@openssh.com": layout for kind, layout in IN_SECURITY_KEYS.items()},
    **{f"{kind}-cert-v01@openssh.com": f"s{layout}{ISSUERS}" for kind, layout in {**PLAIN, **IN_SECURITY_KEYS}.items()},
}
SIZES = {"ssh-ed25519": 32, "ssh-ed448": 57}  # bytes of a key whose type has one size only
POINTS = {"ecdsa-sha2-nistp256": 65, "ecdsa-sha2-nistp384": 97, "ecdsa-sha2-nistp521": 133}  # bytes
SMALLEST_RSA = 128  # bytes: sshd refuses smaller keys

# For a text whose spaces were removed.
PRIVATE = re.compile(
    r"(BEGIN|END)[A-Z0-9_]{0,40}PRIVATE_?KEY|SSHPRIVATEKEYFILE|PuTTY-User-Key-File|Private-(Lines|MAC|Hash):|DEK-Info:"
    r"|b3BlbnNzaC1rZXktdjEA|AGE-SECRET-KEY-",
    re.IGNORECASE,
)
PUTTY = re.compile(r"PuTTY-User-Key-File", re.IGNORECASE)
UNSEEN = re.compile(r"[\0\xad\u200b-\u200f\u2060\ufeff\ufffd]")  # including the null bytes of UTF-16
# Where the base64 of ASN.1, of OpenSSH's own format or of a whole file may begin.
PACKED = re.compile(r"(?<![A-Za-z0-9+/])(?=M|b3Bl|LS0t|UHVU)(?:[A-Za-z0-9+/]\s*){24,64}")
# PKCS 1, PKCS 8, SEC 1 and PKCS 12 begin with a small version number, encrypted PKCS 8 with its algorithm.
IN_ASN1 = re.compile(
    rb"0(?:[\x01-\x7f]|\x81.|\x82..)(?:\x02\x01[\x00-\x03]|0.\x06.\x2a\x86\x48\x86\xf7\x0d\x01[\x05\x0c])",
    re.DOTALL,
)
PATH = re.compile(r"(~|\.{0,2}/|[A-Za-z]:\\|\\\\)\S*|\S+\.pub")
FINGERPRINT = re.compile(r"(\d+ )?(SHA256:|MD5:|([0-9a-f]{2}:){15})")
ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,3}")
OPTIONS = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*")+')  # up to a space outside quotes
OPTION = (
    r"(?:cert-authority|restrict|verify-required|(?:no-)?(?:agent-forwarding|port-forwarding|pty|user-rc|x11-forwarding"
    r"|touch-required)|(?:command|environment|expiry-time|from|permitlisten|permitopen|principals|tunnel)"
    r'="(?:\\.|[^"\\])*")'
)
KNOWN_OPTIONS = re.compile(rf"{OPTION}(?:,{OPTION})*", re.IGNORECASE)
ANOTHER = re.compile(rf"(?:{'|'.join(map(re.escape, LAYOUTS))})\s+AAAA")

PASTE_ONE = "Paste the line in the file whose name ends in .pub."
WRAPPED = "the key continues on the next line. Join both lines without a space."
CUT = f"the key is incomplete or was changed while it was copied. {PASTE_ONE}"
SECRET = (
    "This is a private key. Only its owner may have it, so it was not saved. {instead} If somebody else may have seen "
    "it, create a new key pair."
)
IN_PUTTY = "Open the file in PuTTYgen and paste what it shows as “Public key for pasting into OpenSSH”."


def is_private(text: str) -> bool:
    """Return whether the text has a private key, which must be neither stored nor shown."""
    seen = UNSEEN.sub("", text)
    return _says_private(seen) or any(_holds_private(found.group()) for found in PACKED.finditer(seen))


def _says_private(text: str) -> bool:
    return bool(PRIVATE.search("".join(text.split())))


def _holds_private(start: str) -> bool:
    """Return whether base64 that begins like this holds a private key, or the file of one."""
    packed = "".join(start.split())
    data = base64.b64decode(packed[: len(packed) // 4 * 4])
    return bool(IN_ASN1.match(data)) or _says_private(data.decode("ascii", "replace"))


def cleaned(text: str) -> str:
    """Return the lines with Unix line ends and plain spaces, without surrounding space."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    lines = text.split("\n")
    return "\n".join(line.strip() for line in lines).strip()


def problems(text: str) -> list[str]:
    """Return the first few problems of a cleaned text, a sentence for each line."""
    if is_private(text):
        return [SECRET.format(instead=IN_PUTTY if PUTTY.search(text) else PASTE_ONE)]
    return [problem for problem, _ in zip(_problems(text.split("\n")), range(MAX_PROBLEMS), strict=False)]


def _problems(lines: list[str]) -> Iterator[str]:
    inside, broken = False, False  # inside a text of several lines in another format; after a key with a problem
    for number, line in enumerate(lines, 1):
        if inside:
            inside = not line.startswith("----")
            continue
        if broken and BASE64.fullmatch(line.split(" ")[0]):
            continue  # the rest of the key that was named above
        broken = False
        if not line or line.startswith("#"):
            continue
        inside = line.startswith("----")
        follows = lines[number] if number < len(lines) else ""
        if problem := _wrong(line, follows):
            broken = True
            yield f"Line {number}: {problem}"


def _wrong(line: str, follows: str) -> str:
    """Return the problem of a line; "" for a key."""
    if line.startswith("----"):
        return _format(line)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") and character != "\t" for character in line):
        return "it contains control characters. Copy the key again, from the file itself."
    words = line.split(None, 2)
    if not _is_type(words[0]):
        options = OPTIONS.match(line)
        rest = line[options.end() :].split(None, 2) if options else []
        if not rest or not _is_type(rest[0]):
            return _no_key(line)
        if not KNOWN_OPTIONS.fullmatch(options.group()):
            return f"the text before {rest[0]} is not an option that sshd knows. Begin the line with {rest[0]}."
        words = rest
    if len(words) < 2:
        return f"the key after {words[0]} is missing. {PASTE_ONE}"
    if ANOTHER.search(" ".join(words[2:])):
        return "it contains more than one key. Write each key on its own line."
    return _of_blob(words[0], words[1], follows)


def _is_type(word: str) -> bool:
    return word in LAYOUTS


def _format(line: str) -> str:
    if "SSH2 PUBLIC KEY" in line:
        return "this is a key in the format of RFC 4716. Convert it with “ssh-keygen -i -f FILE” and paste the result."
    if "PUBLIC KEY-" in line:
        kind = "PEM" if "RSA" in line else "PKCS8"
        return f"this is a key in PEM format. Convert it with “ssh-keygen -i -m {kind} -f FILE” and paste the result."
    return f"this is not an SSH key. {PASTE_ONE}"


def _no_key(line: str) -> str:
    if PATH.fullmatch(line):
        return "this is a path. Paste the content of the file; “cat FILE” shows it."
    if ADDRESS.fullmatch(line):
        return "this is a web address. Open it and paste the keys that it shows."
    if FINGERPRINT.match(line):
        return f"this is the fingerprint of a key, not the key. {PASTE_ONE}"
    if BASE64.fullmatch(line) and line.startswith("AAAA"):
        return "the type before the key is missing, for example ssh-ed25519."
    return f"this is not a public key. A public key begins with its type, for example ssh-ed25519. {PASTE_ONE}"


def _of_blob(kind: str, blob: str, follows: str) -> str:
    """Return the problem of a key's base64; "" if there is none. `kind` is its type, `follows` the next line."""
    cut = WRAPPED if BASE64.fullmatch(follows.split(" ")[0]) else CUT
    if not BASE64.fullmatch(blob):
        return cut
    in_security_key = kind.startswith("sk-")  # the last field of these may hold anything: only the device reads it
    try:
        data = base64.b64decode(blob[: len(blob) // 4 * 4] if in_security_key else blob, validate=True)
    except binascii.Error:
        return cut
    held, *_ = _fields(data, "s") or [b""]
    if held != kind.encode():
        other = held.decode(errors="replace")
        return f"the line says {kind}, but its key has another type. {PASTE_ONE}" if _is_type(other) else cut
    layout = LAYOUTS[kind]
    if in_security_key and not kind.endswith("-cert-v01@openssh.com"):
        return "" if _fields(data, "s" + layout[:-1]) else cut
    fields = _fields(data, "s" + layout)
    size = 4 + 4 * layout.count("s") + sum(map(len, fields))
    if not fields or size != len(data) or len(blob) % 4 or (kind in PLAIN and not _is_key(kind, fields[1:])):
        return cut
    if kind == "ssh-rsa" and len(fields[2].lstrip(b"\0")) < SMALLEST_RSA:
        return "this RSA key has less than 1024 bits, and sshd refuses it. Create a new one, for example ssh-ed25519."
    return ""


def _is_key(kind: str, fields: list[bytes]) -> bool:
    """Return whether a plain key has the parts that all keys of its type have."""
    if not all(fields):
        return False
    if kind in POINTS:
        return fields[0] == kind.removeprefix("ecdsa-sha2-").encode() and len(fields[1]) == POINTS[kind]
    return kind not in SIZES or len(fields[0]) == SIZES[kind]


def _fields(data: bytes, layout: str) -> list[bytes]:
    """Return the fields of a key by its layout: RFC 4251 strings and numbers; none if the data ends too early."""
    found = []
    for step in layout:
        size = int.from_bytes(data[:4]) if step == "s" else int(step)
        start = 4 if step == "s" else 0
        if len(data) < start + size:
            return []
        found.append(data[start : start + size])
        data = data[start + size :]
    return found
