"""Resumable uploads of images by the protocol tus 1.0 (https://tus.io/protocols/resumable-upload), and their list.

An upload exists for its owner alone. A body is stored while it arrives, whatever becomes of the request.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import F, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import http_date
from django.views.decorators.http import require_http_methods, require_POST

from virterweb.hypervisors.desired.one_at_a_time import concurrent
from virterweb.messages import InvalidValue
from virterweb.people import creating
from virterweb.web_server import spool
from vms.models import Upload

from . import finishing, metadata, receiving, storage
from .form import UploadForm

VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,termination,checksum"
CONTENT_TYPE = "application/offset+octet-stream"
WRONG_CHECKSUM = 460
NO_ROOM = "The disk of the portal has no room for the rest of the file. Free space there, then resume the upload."


class Refused(Exception):
    """A request is answered with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def tus(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Speak the version of the protocol, and answer refusals with plain text."""

    @wraps(view)
    def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
            answer = _text(HTTPStatus.PRECONDITION_FAILED, f"Send the header “Tus-Resumable: {VERSION}”.")
            answer["Tus-Version"] = VERSION
        else:
            answer = _answer(lambda: view(request, *args, **kwargs))
        answer["Tus-Resumable"] = VERSION
        return answer

    return run


def _answer(view: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return view()
    except Refused as problem:
        return _text(problem.status, str(problem))
    except storage.NoRoom:
        return _text(HTTPStatus.INSUFFICIENT_STORAGE, NO_ROOM)
    except storage.Overtaken:
        return _text(HTTPStatus.CONFLICT, "Another request has continued or discarded this upload.")
    except receiving.WrongChecksum:
        return _text(WRONG_CHECKSUM, "The body does not have the checksum of Upload-Checksum. Nothing was stored.")


def _text(status: int, text: str) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def _refused(errors: finishing.Errors) -> HttpResponse:
    """Return the errors of a form, by field."""
    found = {name: [str(text) for text in texts] for name, texts in errors.items()}
    return JsonResponse({"errors": found}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@concurrent
@require_http_methods(["GET", "POST", "OPTIONS"])
def upload_list(request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        return _begin(request)
    if not request.htmx:
        return redirect("vms:images")
    return render(request, "vms/images/_uploads.html", {"uploads": unfinished(request)})


def unfinished(request: HttpRequest) -> list[Upload]:
    """Return the unfinished uploads of the user, each with `reason`: why it is no image."""
    found = list(Upload.objects.of(request.user).unfinished().select_related("hypervisor", "team"))
    for upload in found:
        upload.reason = upload.problem
        storage.recover(upload)
        if upload.is_complete and not upload.problem:
            upload.reason = finishing.remaining_problem(upload, request.user)
    return found


@tus
def _begin(request: HttpRequest) -> HttpResponse:
    if request.method == "OPTIONS":
        return _options()
    creating.require(request.user)
    length, header = _number(request, "Upload-Length"), request.headers.get("Upload-Metadata", "")
    if length > settings.MAX_UPLOAD_SIZE:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A file may have at most {settings.MAX_UPLOAD_SIZE:,} bytes."
        )
    try:
        values = metadata.values_of(header)
    except InvalidValue as problem:
        raise Refused(HTTPStatus.BAD_REQUEST, str(problem)) from problem
    _check_room(length)
    form = UploadForm(values, user=request.user, length=length)
    upload = form.save(header, values.get("filename", "")) if form.is_valid() else None
    if upload is None:
        return _refused(form.errors)
    answer = _expiring(HttpResponse(status=HTTPStatus.CREATED), upload)
    answer["Location"] = reverse("vms:upload", args=[upload.key])
    return answer


def _options() -> HttpResponse:
    answer = HttpResponse(status=HTTPStatus.NO_CONTENT)
    answer["Tus-Version"], answer["Tus-Extension"] = VERSION, EXTENSIONS
    answer["Tus-Max-Size"] = str(settings.MAX_UPLOAD_SIZE)
    answer["Tus-Checksum-Algorithm"] = ",".join(metadata.ALGORITHMS)
    return answer


def _check_room(length: int) -> None:
    """Raise NoRoom unless a file fits in beside what is still missing of the others."""
    if settings.UPLOADS_IN_DATABASE:
        return
    missing = Upload.objects.expected().aggregate(bytes=Sum(F("length") - F("offset")))["bytes"] or 0
    if length + missing > spool.room():
        raise storage.NoRoom


def overridable(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Take PATCH and DELETE from clients that can only send POST, by the header of the protocol."""

    @wraps(view)
    def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        method = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and method in ("PATCH", "DELETE"):
            request.method = method
        return view(request, *args, **kwargs)

    return run


@overridable
@require_http_methods(["HEAD", "PATCH", "DELETE", "OPTIONS"])
@tus
def upload(request: HttpRequest, key: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return _options()
    found = _own(request, key)
    if request.method == "DELETE":
        _discard(request, found)
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if found.problem:
        raise Refused(HTTPStatus.GONE, str(found.problem))
    if not found.done_at:
        storage.recover(found)
    return _state(request, found) if request.method == "HEAD" else _continue(request, found)


def _own(request: HttpRequest, key: str) -> Upload:
    return get_object_or_404(Upload.objects.of(request.user).select_related("hypervisor", "team"), key=key)


def _discard(request: HttpRequest, found: Upload) -> None:
    """Discard an upload. Its owner always may; a program only if its token allows to create the image."""
    if request.token and (reason := finishing.refusal(found, request.user)):
        raise PermissionDenied(str(reason))
    storage.discard(found)


def _state(request: HttpRequest, found: Upload) -> HttpResponse:
    """Return how much has arrived. A process may have ended before it could make the image of a complete upload."""
    if found.is_complete and not found.done_at:
        finishing.finish(found)
    answer = _expiring(HttpResponse(), found)
    answer["Upload-Length"], answer["Cache-Control"] = str(found.length), "no-store"
    if found.metadata:
        answer["Upload-Metadata"] = found.metadata
    return answer


def _continue(request: HttpRequest, found: Upload) -> HttpResponse:
    """Append the body to an upload, and make the image when it is complete."""
    if reason := finishing.refusal(found, request.user):
        raise Refused(HTTPStatus.FORBIDDEN, str(reason))
    if request.content_type != CONTENT_TYPE:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the content type {CONTENT_TYPE}.")
    if _number(request, "Upload-Offset") != found.offset:
        raise Refused(HTTPStatus.CONFLICT, f"{found.offset} bytes have arrived. Continue from there.")
    if (metadata.number(request.headers.get("Content-Length")) or 0) > found.length - found.offset:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body has more bytes than the rest of the upload.")
    if header := request.headers.get("Upload-Checksum"):
        try:
            expected = metadata.checksum(header)
        except InvalidValue as problem:
            raise Refused(HTTPStatus.BAD_REQUEST, str(problem)) from problem
        errors = receiving.receive_checked(request, found, expected)
    else:
        errors = receiving.receive(request, found)
    if not errors and found.is_complete and not found.done_at:
        errors = finishing.finish(found)
    return _refused(errors) if errors else _expiring(HttpResponse(status=HTTPStatus.NO_CONTENT), found)


def _number(request: HttpRequest, name: str) -> int:
    value = metadata.number(request.headers.get(name))
    if value is None:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The header {name} must have a number of bytes.")
    return value


def _expiring(answer: HttpResponse, found: Upload) -> HttpResponse:
    answer["Upload-Offset"] = str(found.offset)
    answer["Upload-Expires"] = http_date(found.expires_at.timestamp())
    return answer


@require_POST
def upload_discard(request: HttpRequest, key: str) -> HttpResponse:
    _discard(request, _own(request, key))
    return redirect("vms:images")
