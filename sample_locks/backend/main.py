"""The backend's application: just enough to start."""
# mypy: ignore-errors

from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    """Say that the application runs."""
    return {"status": "ok"}
