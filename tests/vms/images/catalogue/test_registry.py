"""Registry files of Virter are read in both forms; others are refused with the reason."""

import pytest

from virterweb.messages import InvalidValue
from vms.images.catalogue import registry

URL = "https://files.example/alma-8.qcow2"


@pytest.mark.parametrize(
    "text",
    [
        f'version = 1\n[images.alma-8]\nurl = "{URL}"\n',
        f'[alma-8]\nurl = "{URL}"\n',
        f'\ufeffversion = 1\r\n[images."alma-8"]\r\nurl = "{URL}"\r\nfuture = true\r\n',
    ],
)
def test_both_forms_name_images_with_their_urls(text):
    assert registry.read(text.encode()) == {"alma-8": URL}


def test_an_image_of_the_older_form_may_be_called_as_a_key_of_the_newer_one():
    text = f'[version]\nurl = "{URL}"\n[images]\nurl = "{URL}"\n'
    assert registry.read(text.encode()) == {"version": URL, "images": URL}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!doctype html><html></html>", "The file is not valid TOML"),
        (b"\xff\xfe\0", "The file is not UTF-8 text"),
        (b"#" * (registry.LARGEST + 1), "The file is larger than 1,048,576 bytes"),
        (b"a = " + b"[" * 100_000, "The file is not valid TOML"),
        (b"", "The file names no images"),
        (b"version = 1", "The file names no images"),
        (b'version = 2\n[images.a]\nurl = "https://x.example/"', "The file has the version 2"),
        (b'version = "1"\n[images.a]\nurl = "https://x.example/"', "The file has the version 1"),
        (b"version = true\n[images.a]", "The file has the version True"),
        (b"version = 1\nimages = 3", "The file has no tables [images.NAME]"),
        (b'[images.a]\nurl = "https://x.example/"', "but no version"),
        (b"[a]\n[a]", "The file is not valid TOML"),
        (b"[a]\nurl = 1\nurl = 2", "The file is not valid TOML"),
        (b"a = 3", "The image a has no text as its url."),
        (b"[a]\nurl = [1]", "The image a has no text as its url."),
        (b'[a]\nurl = "file:///etc/shadow"', "The image a: Images can be fetched by http and https only"),
        (b'[a]\nurl = "https://root:secret@x.example/"', "The image a: A URL with a user name or password"),
        (b'["a\\u0007"]\nurl = "https://x.example/"', r"a\x07 cannot be the name of an image: "),
        (b'["a b"]\nurl = "https://x.example/"', "a b cannot be the name of an image: "),
        (b'["../a"]\nurl = "https://x.example/"', "../a cannot be the name of an image: "),
        (b'["' + b"a" * 99 + b'"]\nurl = "https://x.example/"', "a cannot be the name of an image: "),
    ],
)
def test_a_file_that_is_no_registry_is_refused_with_the_reason(data, said):
    with pytest.raises(InvalidValue) as problem:
        registry.read(data)
    assert said in str(problem.value)
    assert str(problem.value).isprintable()
