from __future__ import annotations

from auditor.lock import parse_lock, prefetchable_artifacts

WHEEL = '{{ path = "{0}", hashes = {{ sha256 = "{1}" }} }}'


def entry(name: str, *files: str, extra: str = "") -> str:
    wheels = ", ".join(WHEEL.format(file, "ab" * 32) for file in files if file.endswith(".whl"))
    sdists = [WHEEL.format(file, "ab" * 32) for file in files if not file.endswith(".whl")]
    lines = [f'[[packages]]\nname = "{name}"\nversion = "1"', extra]
    lines += [f"sdist = {sdist}" for sdist in sdists]
    lines += [f"wheels = [{wheels}]"] if wheels else []
    return "\n".join(lines)


def test_what_any_image_asks_for_first() -> None:
    text = "\n".join(
        [
            'lock-version = "1.0"\ncreated-by = "hand"',
            entry("one", "one-1-py3-none-any.whl", "one-1.tar.gz"),
            entry("two", "two-1-cp311-cp311-linux_x86_64.whl", "two-1-py3-none-any.whl"),
            entry("source", "source-1.tar.gz"),
            entry("some", "some-1-py3-none-any.whl", extra="marker = \"os_name == 'nt'\""),
            entry("index", "index-1-py3-none-any.whl", extra='index = "https://example.org/s"'),
        ]
    )
    lock = parse_lock(text.encode(), "pylock.toml")
    found = prefetchable_artifacts(lock.pylock)
    assert [(each.filename, each.index) for each in found] == [
        ("one-1-py3-none-any.whl", None),
        ("source-1.tar.gz", None),
        ("index-1-py3-none-any.whl", "https://example.org/s"),
    ]
