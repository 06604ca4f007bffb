"""Two small real images, made without a container engine, and their audits."""
