"""Where an image's bytes are: references, engines, archives, layers and the merged tree."""
