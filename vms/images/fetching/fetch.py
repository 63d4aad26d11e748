"""Has the image of a URL in the spool folder, with its checksum verified, before it is stored in the pool."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.conf import settings

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.images import layers
from vms.models import Image

from .checksums import checksum_of
from .download import download
from .progress import FetchProgress
from .request import answer, check_status
from .unavailable import Unavailable
from .urls import parse

LIST = "SHA256SUMS"
LONGEST_LIST = 2**22  # bytes
MOST_TRIES = 8  # in a row without progress


def fetch(image: Image) -> None:
    """Fetch the image of a URL unless it has been fetched; others need nothing.

    Raises:
        Refused: No image can be fetched from this URL.
        Unavailable: A retry continues it.
    """
    if not (image.url and image.upload) or image.removed_at:
        return
    file = settings.SPOOL_DIR / image.upload
    if file.exists():
        return
    allowed = frozenset(image.hypervisor.image_sources.lower().split())
    try:
        _fetch(image, file, allowed)
    except Unavailable as problem:
        if image.status.tries + 1 >= MOST_TRIES:
            raise Refused(Message("source.given_up", reason=problem.message), problem.detail) from problem
        raise


def _fetch(image: Image, file: Path, allowed: Collection[str]) -> None:
    source, whole = parse(image.url), file.with_suffix(".whole")
    checksum = image.checksum or published_checksum(image.url, allowed)
    if not whole.exists():
        download(source, whole, allowed, FetchProgress(image))
    if checksum:
        found = image.status.steps.watch(Message("image.verifying"), partial(layers.digest_of, whole))
        if found != checksum:
            whole.unlink()
            origin = "source.wrong_checksum" if image.checksum else "source.wrong_published_checksum"
            raise Refused(Message(origin, checksum=checksum, found=found))
    image.status.write(verified=bool(checksum))
    whole.replace(file)


def published_checksum(url: str, allowed: Collection[str]) -> str:
    """Return the checksum of a file by the list SHA256SUMS in the same folder; "" if there is none."""
    source = parse(url)
    beside = replace(source, target=source.folder + LIST)
    with suppress(Refused), answer(beside, {}, allowed) as response:
        check_status(source, response.status)
        return checksum_of(response.read(LONGEST_LIST).decode(errors="replace"), source.file_name)
    return ""
