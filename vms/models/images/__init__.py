"""Images to run VMs from, the volumes of pools, and the catalogue of images that can be fetched."""

from .catalogue import CatalogueEntry
from .export import EXPORT, ImageExport
from .image import FETCHING, LAYER, LOADING, TAG, Image, ImageStatus
from .pool import StoragePool, name_in
from .upload import Upload, UploadPart
from .volume import Volume, with_totals

__all__ = [
    "EXPORT",
    "FETCHING",
    "LAYER",
    "LOADING",
    "TAG",
    "CatalogueEntry",
    "Image",
    "ImageExport",
    "ImageStatus",
    "StoragePool",
    "Upload",
    "UploadPart",
    "Volume",
    "name_in",
    "with_totals",
]
