"""The catalogue of images that can be fetched, and its import from registry files of Virter."""
