"""Images that Docker or podman holds: saved, inspected, and commands run inside."""
