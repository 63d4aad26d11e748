"""The HTML of the admin keeps the rules of the portal: nothing inline, and every model has its place."""

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from lxml import html

from tests.administration.every_page import TABLES
from tests.administration.test_walls import MODELS, addresses
from virterweb.hypervisors.models import Chore, Secret, WorkerProcess
from vms.models import CapturePart, Upload, UploadPart

pytestmark = pytest.mark.integration
APPS = ("activity", "hypervisors", "networks", "notifications", "vms")
ON_SYSTEM = {Chore, WorkerProcess}  # are shown there
INLINE = "//@style | //@*[starts-with(name(), 'on')] | //style | //script[not(@src) and not(@type='application/json')]"


def test_every_model_but_secrets_and_uploads_is_in_the_admin():
    models = {model for label in APPS for model in apps.get_app_config(label).get_models()}
    assert models - {Secret, Upload, UploadPart, CapturePart} - ON_SYSTEM == {
        each for each in MODELS.values() if each._meta.app_label in APPS
    }


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_listed_searched_and_its_row_opened_without_anything_inline(page_of, lab, table):
    page, pages = page_of("superuser"), addresses(table)
    for path in [*pages.values(), f"{pages['changelist']}?q=a"]:
        answer = page.get(path)
        assert answer.status_code == 200 or path in (pages.get("add"), pages.get("delete")), path
        if answer.status_code == 200:
            found = html.fromstring(answer.content.decode())
            assert found.xpath(INLINE) == [], path
            assert len(found.xpath("//h1")) == 1
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/admin/", "/admin/observed/", "/admin/system/", "/admin/auth/user/{}/password/"])
def test_no_other_page_has_them_either(page_of, lab, path):
    page = page_of("superuser")
    answer = page.get(path.format(get_user_model().objects.last().pk))
    assert answer.status_code == 200
    assert html.fromstring(answer.content.decode()).xpath(INLINE) == []
