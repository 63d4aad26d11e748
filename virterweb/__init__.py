"""The project: settings, URLs and worker."""
