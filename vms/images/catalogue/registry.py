"""Registry files of Virter: TOML that gives names of images with their URLs. Pure.

Version 1 has the tables [images.NAME]. Files without a version are of the older form, with the tables [NAME].
"""

import tomllib
from collections.abc import Mapping

from django.core.exceptions import ValidationError

from networks.definition import rules
from virterweb.messages import InvalidValue, Message
from vms.images.fetching import urls

VERSION = 1
LARGEST = 2**20  # bytes
SHOWN = 60  # characters of a name in a message


def read(data: bytes) -> dict[str, str]:
    """Return the URLs of a registry file by the names of their images. Other keys of an image are ignored.

    Raises:
        InvalidValue: It is no such file, or an image in it cannot be fetched.
    """
    if len(data) > LARGEST:
        raise InvalidValue(Message("registry.large", most=LARGEST))
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise InvalidValue(Message("registry.no_text")) from problem
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as problem:
        raise InvalidValue(Message("registry.no_toml", reason=str(problem))) from problem
    images = _images(document)
    if not images:
        raise InvalidValue(Message("registry.empty"))
    return {name: _url(name, values) for name, values in images.items()}


def _images(document: Mapping[str, object]) -> Mapping[str, object]:
    version = document.get("version")
    if version is None or isinstance(version, dict):  # in the older form, an image may be called “version”
        images = document.get("images")
        if isinstance(images, dict) and "url" not in images:
            raise InvalidValue(Message("registry.no_version", known=VERSION))
        return document
    if type(version) is not int or version != VERSION:
        raise InvalidValue(Message("registry.version", version=str(version)[:SHOWN], known=VERSION))
    images = document.get("images", {})
    if not isinstance(images, dict):
        raise InvalidValue(Message("registry.images"))
    return images


def _url(name: str, values: object) -> str:
    shown = ascii(name)[1:-1][:SHOWN]
    try:
        rules.validate_name(name)
        rules.validate_hostname(name)
    except ValidationError as wrong:
        raise InvalidValue(Message("registry.name", name=shown, reason=" ".join(wrong.messages))) from wrong
    url = values.get("url") if isinstance(values, dict) else None
    if not isinstance(url, str):
        raise InvalidValue(Message("registry.no_url", name=shown))
    try:
        urls.parse(url)
    except InvalidValue as wrong:
        raise InvalidValue(Message("registry.url", name=shown, reason=wrong.message)) from wrong
    return url
