"""Sessions: how old they may become, and the pages that list and end them."""
