"""Which files a domain's document names, and the day of the last change of a volume."""

from datetime import date

import pytest

from vms.definition.domain import files
from vms.definition.volume import changed_on

DOMAIN = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{}</domain>"


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("<devices><disk><source file='/pool/./a'/></disk></devices>", "/pool/a"),
        ("<devices><disk><source pool='default' volume='a'/></disk></devices>", "a"),
        ("<devices><disk><backingStore><source file='/pool/b'/></backingStore></disk></devices>", "/pool/b"),
        ("<os><kernel>\n/pool/kernel\n</kernel></os>", "/pool/kernel"),
        ("<os><nvram>/pool/vars</nvram></os>", "/pool/vars"),
        ("<devices><serial><log file='/pool/console'/></serial></devices>", "/pool/console"),
        ("<devices><filesystem><source dir='/pool/shared'/></filesystem></devices>", "/pool/shared"),
        ("<qemu:commandline><qemu:arg value='file=/pool/raw,format=raw'/></qemu:commandline>", "/pool/raw"),
        ("<!-- /pool/comment --><os><loader>/pool/a=b,c</loader></os>", "/pool/a=b,c"),
    ],
)
def test_every_path_of_a_document_is_found(part, named):
    assert named in files(DOMAIN.format(part))


def test_names_and_comments_are_no_paths():
    assert files(DOMAIN.format("<name>a</name><!-- /pool/comment --><title>not /pool/x</title>")) == {"/pool/x"}


@pytest.mark.parametrize(
    ("mtime", "day"),
    [("1790000000.123456789", date(2026, 9, 21)), ("0", date(1970, 1, 1)), ("", None), ("x", None), ("1e99", None)],
)
def test_the_day_of_the_last_change_is_that_in_utc(mtime, day):
    document = f"<volume><target><timestamps><mtime>{mtime}</mtime></timestamps></target></volume>"
    assert changed_on(document) == day
    assert changed_on("<volume/>") is None
