"""HTTP for every stage that asks a server: artifacts' indexes and mirrors, registries of images."""
