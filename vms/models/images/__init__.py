"""Images to run VMs from, the volumes of pools, and the catalogue of images that can be fetched."""

from .catalogue import CatalogueEntry
from .image import FETCHING, LAYER, LOADING, TAG, Image, ImageStatus, UploadPart
from .pool import PoolVolume, StoragePool, with_totals
from .volume import FoundFile, Volume

__all__ = [
    "FETCHING",
    "LAYER",
    "LOADING",
    "TAG",
    "CatalogueEntry",
    "FoundFile",
    "Image",
    "ImageStatus",
    "PoolVolume",
    "StoragePool",
    "UploadPart",
    "Volume",
    "with_totals",
]
