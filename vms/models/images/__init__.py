"""Images to run VMs from, the volumes of pools, and the catalogue of images that can be fetched."""

from .catalogue import CatalogueEntry
from .image import FETCHING, LAYER, LOADING, TAG, Image, ImageStatus, UploadPart
from .volume import Volume

__all__ = ["FETCHING", "LAYER", "LOADING", "TAG", "CatalogueEntry", "Image", "ImageStatus", "UploadPart", "Volume"]
