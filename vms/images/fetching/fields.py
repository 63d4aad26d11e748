"""Values that users type about a file at a URL, as forms read them."""

from django.core.exceptions import ValidationError

from virterweb.messages import InvalidValue

from . import urls
from .checksums import SHA256


def clean_url(url: str) -> str:
    """Return a URL that an image can be fetched from, or an empty one; raise ValidationError for others."""
    try:
        if url:
            urls.parse(url)
    except InvalidValue as wrong:
        raise ValidationError(str(wrong.message)) from wrong
    return url


def clean_checksum(text: str) -> str:
    """Return a SHA-256 in lower case without a prefix, or an empty text; raise ValidationError for others."""
    checksum = text.lower().removeprefix("sha256:")
    if checksum and not SHA256.fullmatch(checksum):
        raise ValidationError("A SHA-256 has 64 hexadecimal digits.")
    return checksum
