"""Where an image's bytes are: references, engines, archives, layers and the merged tree."""

from auditor.image.open import open_image

__all__ = ["open_image"]
