"""Which URLs an image can be fetched from, and what they are made of; lists of checksums."""

import pytest

from virterweb.messages import InvalidValue
from vms.images.fetching import checksums, urls

ONE, TWO = "a1" * 32, "b2" * 32


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/shadow", "by http and https only, not by “file”"),
        ("ftp://example.org/x", "not by “ftp”"),
        ("gopher://example.org/x", "not by “gopher”"),
        ("/images/debian.qcow2", "by http and https only"),
        ("http://", "This is no URL of a file"),
        ("http:///x", "This is no URL of a file"),
        ("http://example.org:0/x", "This is no URL of a file"),
        ("http://example.org:99999/x", "This is no URL of a file"),
        ("http://example.org:x/x", "This is no URL of a file"),
        ("http://[::1/x", "This is no URL of a file"),
        ("http://a b/x", "no spaces"),
        ("http://example.org/x\r\nHost: other", "printable characters"),
        ("http://example.org/\0", "printable characters"),
        ("http://user:secret@example.org/x", "show them to others"),
        ("http://@example.org/x", "show them to others"),
        ("http://exa%6dple.org/x", "This is no URL of a file"),
        ("http://example.org/" + "x" * 2000, "at most 2000 printable characters"),
    ],
)
def test_a_url_that_no_image_can_be_fetched_from_is_refused_with_the_reason(url, said):
    with pytest.raises(InvalidValue) as problem:
        urls.parse(url)
    assert said in str(problem.value.message)


@pytest.mark.parametrize(
    ("url", "shown", "folder", "name"),
    [
        ("https://example.org/a/b.img?token=x", "https://example.org/a/b.img", "/a/", "b.img"),
        ("http://example.org:8080", "http://example.org:8080/", "/", ""),
        ("HTTPS://EXAMPLE.ORG:443/b%20c.img#part", "https://example.org/b%20c.img", "/", "b c.img"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x", "/", "x"),
        ("https://bücher.example/ü.img", "https://xn--bcher-kva.example/%C3%BC.img", "/", "ü.img"),
    ],
)
def test_a_url_is_taken_apart_and_shown_without_its_query(url, shown, folder, name):
    found = urls.parse(url)
    assert (str(found), found.folder, found.file_name) == (shown, folder, name)


@pytest.mark.parametrize(
    ("text", "name", "checksum"),
    [
        (f"{ONE}  a.img\n{TWO}  b.img\n", "b.img", TWO),
        (f"{ONE} *a.img\r\n{TWO} *b.img\r\n", "b.img", TWO),
        (f"{ONE.upper()}  ./a.img", "a.img", ONE),
        (f"# a.img: 12 bytes\nSHA256 (a.img) = {ONE}\n", "a.img", ONE),
        (f"MD5 (a.img) = {ONE}\n", "a.img", ""),
        (f"{ONE}  a.img.zst\n{TWO}  other/a.img\n", "a.img", ""),
        (f"{ONE}  two words.img", "two words.img", ONE),
        (f"{ONE[:-1]}  a.img", "a.img", ""),
        ("<!doctype html><p>Not found", "a.img", ""),
        ("", "", ""),
    ],
)
def test_the_checksum_of_a_file_is_found_in_lists_of_both_forms(text, name, checksum):
    assert checksums.checksum_of(text, name) == checksum
