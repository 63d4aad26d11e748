"""The limits of a user hold for uploads that begin at the same time on different hypervisors."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test import Client

from tests.support.making import make_hypervisor
from tests.vms.images.uploading.conftest import DISK, Tus
from vms.models import Upload

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
AT_ONCE = 6


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time")
def test_uploads_that_begin_at_once_do_not_exceed_the_limit_of_the_user(user, enqueued, settings, tmp_path):
    settings.SPOOL_DIR, settings.MAX_UPLOAD_SIZE = tmp_path, 2 * len(DISK)
    hypervisors = [make_hypervisor(f"host-{number}") for number in range(AT_ONCE)]

    def begin(number: int) -> int:
        client = Client()
        client.force_login(user)
        try:
            return Tus(client).create(hypervisor=hypervisors[number].pk, name="new").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as clients:
        assert sorted(clients.map(begin, range(AT_ONCE))) == [201, 201, 422, 422, 422, 422]
    assert Upload.objects.count() == 2
    assert connection.vendor == "postgresql"
