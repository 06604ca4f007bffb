"""One layer read once into an index, the cache of indexes, and all layers merged."""
