"""What every request goes through, beside Django's own."""

from urllib.parse import unquote

from django.http import Http404, HttpRequest
from django.utils.deprecation import MiddlewareMixin


class NoNullCharacters(MiddlewareMixin):
    """Nothing here has a null character in its name, and PostgreSQL takes none in what is looked for."""

    def process_request(self, request: HttpRequest) -> None:
        if "\0" in unquote(request.get_full_path()):
            raise Http404
