"""Marks of names that look like others. A page has a placeholder at each name; all are resolved by one query."""

import re
from collections.abc import Callable
from functools import cache, partial

from django.apps import apps
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from virterweb.pages import name_field

MARK = ' <span class="tag" title="Look closely: it may be taken for another.">{}</span>'
PLACEHOLDER = re.compile(rb"<!--look-alike (\d+)-->")  # other texts of a page have no <


def placeholder(request: HttpRequest, kind: str, name: str) -> SafeString:
    """Return what stands for the mark of a name until the page is complete."""
    asked = request.__dict__.setdefault("look_alikes", {})
    return SafeString(f"<!--look-alike {asked.setdefault((kind, name), len(asked))}-->")


class LookAlikeMarks(MiddlewareMixin):
    """Replace the placeholders of a page by marks, or by nothing where no other name looks like it."""

    def rows(self, request: HttpRequest, model: type[models.Model]) -> models.QuerySet:
        """Return the rows of a model whose names are compared with those of a page."""
        return model.objects.all()

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        asked = getattr(request, "look_alikes", None)
        if asked and not response.streaming:
            marks = _marks(list(asked), partial(self.rows, request))
            response.content = PLACEHOLDER.sub(lambda found: marks[int(found[1])], response.content)
        return response


def _marks(asked: list[tuple[str, str]], rows: Callable[[type[models.Model]], models.QuerySet]) -> list[bytes]:
    names: dict[type[models.Model], list[str]] = {}
    for kind, name in asked:
        names.setdefault(_models()[kind], []).append(name)
    found = name_field.warnings(names, rows)
    warnings = (found.get((_models()[kind], name), "") for kind, name in asked)
    return [format_html(MARK, warning).encode() if warning else b"" for warning in warnings]


@cache
def _models() -> dict[str, type[models.Model]]:
    return {each._meta.model_name: each for each in apps.get_models() if hasattr(each, "skeleton")}
