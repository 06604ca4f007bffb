"""The product on real environments and real images, through its command line."""
