"""A private hypervisor for tests, benchmarks and `script/server`, with images of guests for it."""

from .hypervisor import IMAGES, TAG, Lab, LabError, furnish_folders, load_image, start

__all__ = ["IMAGES", "TAG", "Lab", "LabError", "furnish_folders", "load_image", "start"]
