"""No HTTP request makes the portal fail or answer slowly.

All inputs come from a seed, which is printed. VIRTERWEB_FUZZ_SEED repeats a run, VIRTERWEB_FUZZ_SHARE shortens it.
"""

import time
from collections.abc import Iterator

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.project.hostile_input.generated_input import LONGEST, REQUESTS, Generator, failure, report
from tests.project.hostile_input.hostile_forms import FORMS
from tests.project.hostile_input.hostile_values import SEED, SHARE

pytestmark = pytest.mark.slow


def patterns(found: list, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, route)
        else:
            yield route, each


ROUTES = sorted(route for route, _ in patterns(get_resolver().url_patterns))
ADMIN, PORTAL = [r for r in ROUTES if r.startswith("admin")], [r for r in ROUTES if not r.startswith("admin")]
CHUNKS = 24


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_request_makes_the_portal_fail(lab, operator, user, chunk):
    print(f"VIRTERWEB_FUZZ_SEED={SEED}")
    generator, failures, clients = Generator(f"{SEED}-{chunk}"), [], [Client(), Client(), Client()]
    clients[0].force_login(operator)
    clients[1].force_login(user)
    for _ in range(int(REQUESTS * SHARE) // CHUNKS):
        routes = generator.random.choices((sorted(FORMS), PORTAL, ADMIN), (5, 10, 1))[0]
        route, post = (
            generator.random.choice(routes),
            generator.random.random() < (0.7 if routes is not PORTAL else 0.3),
        )
        path, fields, headers = generator.address(route), generator.fields(route, post), generator.headers()
        client = generator.random.choices(clients, (8, 2, 1))[0]
        cookies = client.cookies.output()
        if post and generator.random.random() < 0.05:
            fields["file"] = [SimpleUploadedFile("disk", generator.value().encode(errors="replace"))]
        begun = time.process_time()
        try:
            with transaction.atomic():
                if generator.random.random() < 0.03:
                    kind = generator.random.choice(
                        ("application/json", "multipart/form-data", "x", "text/xml; charset=x")
                    )
                    client.generic("POST", path, generator.value(), content_type=kind, headers=headers)
                elif post:
                    client.post(path, fields, headers=headers)
                else:
                    client.get(path, fields, headers=headers)
                transaction.set_rollback(True)
            assert time.process_time() - begun < LONGEST, "too slow"
        except Exception:
            failures.append(failure(f"{'POST' if post else 'GET'} {path[:300]} {fields} {headers}", begun))
        if client.cookies.output() != cookies:
            client.cookies.clear()
            if client is not clients[2]:
                client.force_login(operator if client is clients[0] else user)
    report(failures)
