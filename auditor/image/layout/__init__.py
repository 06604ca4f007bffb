"""Images as blobs by digest: OCI layouts and archives, whole or as a stream."""
