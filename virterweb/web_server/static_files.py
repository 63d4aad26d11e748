"""Static files with names that contain a digest of their content, so that browsers can cache them permanently."""

from collections.abc import Iterator
from functools import cached_property
from hashlib import blake2s
from importlib.metadata import version

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage

LIBRARIES = ("django", "django-allauth")  # which have static files of their own

UNUSED = "django_htmx/"  # modules that import others which are not here


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Use the names that `collectstatic` wrote for exactly these sources, or plain names if there are none."""

    support_js_module_import_aggregation = True
    patterns = tuple(  # the files of the libraries name maps of their sources, which are not here
        (kind, tuple(each for each in found if "sourceMappingURL" not in str(each)))
        for kind, found in CompressedManifestStaticFilesStorage.patterns
    )

    def post_process(self, paths: dict[str, tuple], **options: object) -> Iterator[tuple]:
        return super().post_process(
            {name: path for name, path in paths.items() if not name.startswith(UNUSED)}, **options
        )

    @cached_property
    def manifest_name(self) -> str:
        digest = blake2s(" ".join(version(name) for name in LIBRARIES).encode(), digest_size=8)
        folder = settings.BASE_DIR / "static"
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)} ".encode() + content)
        return f"names-{digest.hexdigest()}.json"

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
