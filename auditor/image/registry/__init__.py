"""Images of a registry, read over HTTP (OCI distribution specification 1.1), never run."""

from auditor.image.registry.registry_store import open_registry_image, registry_layers

__all__ = ["open_registry_image", "registry_layers"]
