"""Instructions as real Dockerfiles have them, and what each installs that no lock decides."""

from __future__ import annotations

import pytest

from auditor.inventory.commands.installs import Install, install_of
from auditor.inventory.commands.instructions import parse, run_commands

FILES = {"hashed.txt": "idna==3.10 \\\n    --hash=sha256:00\n", "plain.txt": "idna==3.10\n"}

OUTSIDE = {
    "pip install --no-cache-dir -r requirements.txt": "installs requirements.txt, which no hash",
    "pip install -r plain.txt": "installs plain.txt, which no hash fixes",
    "pip3 install --no-cache-dir --upgrade -r /code/requirements.txt": "/code/requirements.txt",
    "pip install -rplain.txt": "plain.txt",
    "pip install --requirement=plain.txt": "plain.txt",
    "pip install flask==2.0": "installs flask==2.0 from an index",
    "pip install --upgrade requests": "requests",
    "pip --no-cache-dir install gunicorn": "gunicorn",
    "pip --timeout 100 install gunicorn": "gunicorn",
    "python -m pip install gunicorn": "gunicorn",
    "python3.11 -I -m pip install gunicorn": "gunicorn",
    "/opt/venv/bin/pip install gunicorn": "gunicorn",
    "pip3.11 install 'uvicorn[standard]>=0.20' httptools": "uvicorn[standard]>=0.20, httptools",
    "sudo -H pip install awscli": "awscli",
    ". /venv/bin/activate && pip install wheel awscli": "installs awscli from",
    "PIP_NO_CACHE_DIR=1 pip install awscli": "awscli",
    "pip install .": "resolves the dependencies of . anew",
    "pip install -e .": "resolves the dependencies of . anew",
    "pip install --no-cache-dir '.[prod]'": "resolves the dependencies of .[prod] anew",
    "pip install /src": "resolves the dependencies of /src anew",
    "pip install --group prod": "resolves the dependencies of prod anew",
    "pip install dist/*.whl": "resolves the dependencies of dist/*.whl anew",
    "pip install git+https://github.com/o/r.git@main": "git+https://github.com/o/r.git@main",
    "pip install --no-deps git+https://github.com/o/r": "git+https://github.com/o/r",
    "pip install --no-deps torch==2.1.0": "torch==2.1.0",
    "pip install https://example.org/a-1.0-py3-none-any.whl": "a-1.0-py3-none-any.whl",
    "pip install 'pip @ https://example.org/pip.zip'": "pip @ https://example.org/pip.zip",
    "pip install $PACKAGES": "installs $PACKAGES from an index",
    "pip install torch --index-url https://download.example.org/whl/cpu": "installs torch from",
    "pip install a b c d e f g": "a, b, c, d, e and 2 more",
    "cat requirements.txt | xargs -n 1 pip install": "installs what it reads",
    "poetry export -f requirements.txt | pip install -r /dev/stdin": "/dev/stdin",
    "bash -c 'pip install foo'": "foo",
    "if [ -f x ]; then pip install foo; fi": "foo",
    "uv pip install --system -r requirements.txt": "requirements.txt",
    "uv pip install --system .": "dependencies of .",
    "uv --directory /app pip install foo": "foo",
    "uv pip install --python /opt/venv/bin/python foo": "installs foo from",
    "uv pip sync requirements.txt": "installs requirements.txt, which no hash fixes",
    "uv add httpx": "adds httpx to the project",
    "uv add -r plain.txt": "adds something to the project",
    "uv tool install ruff": "ruff",
    "uv sync --upgrade": "upgrades everything",
    "uv sync -P httpx": "upgrades httpx",
    "uv run pip install foo": "foo",
    "uv run --no-sync python -m pip install foo": "foo",
    "poetry run pip install foo": "foo",
    "conda run -n app pip install foo": "foo",
    "poetry add httpx": "changes the project's lock: httpx",
    "poetry update": "changes the project's lock: all of it",
    "pdm add httpx": "httpx",
    "pipenv install requests": "installs requests anew",
    "pipenv install --skip-lock": "the Pipfile",
    "pipenv update": "all of it",
    "conda install -y -c conda-forge numpy scipy": "numpy, scipy with conda",
    "mamba install --yes --file requirements.txt": "requirements.txt with conda",
    "mamba env create -f environment.yml": "environment.yml with conda",
    "mamba env create": "it all with conda",
    "micromamba install -y -n base -f /env.yaml": "/env.yaml with conda",
    "pip install -q -- foo": "foo",
    "conda update --all": "everything with conda",
    "pipx install poetry": "poetry",
    "python -m pipx inject poetry plugin": "poetry, plugin",
    "easy_install foo": "foo",
    "python setup.py install": "runs setup.py install",
    "cd src && python3 setup.py develop": "runs setup.py develop",
    "curl -sSL https://install.example.org | python3 -": "runs https://install.example.org from",
    "curl -fsSL https://example.org/setup_18.x | bash -": "https://example.org/setup_18.x",
    "wget -qO- https://example.org/i.sh | sudo -E sh": "https://example.org/i.sh",
    "curl $URL | sh -s -- -y": "runs $URL from the network",
}

WITHIN = (
    "pip install --no-cache-dir --upgrade pip",
    "pip install -U pip setuptools wheel",
    "python -m pip install --upgrade 'pip>=24' \"setuptools<80\"",
    "pip install uv==0.5.1",
    "pip3 install --no-cache-dir --no-compile 'setuptools==65.5.1' 'wheel<0.45'",
    "python get-pip.py --no-cache-dir pip==24.0 setuptools==65.5.1",
    "python3 -m ensurepip --default-pip",
    "pip install -r pylock.toml",
    "pip install --requirements pylock.prod.toml",
    "python -m pip install -r /app/pylock.toml --no-deps",
    "pip install --require-hashes -r requirements.txt",
    "pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt",
    "PIP_REQUIRE_HASHES=1 pip install -r requirements.txt",
    "pip install -r hashed.txt",
    "pip install --no-deps .",
    "pip install --no-deps -e .",
    "pip install --dry-run foo",
    "pip install --help",
    "pip install",
    "pip download foo",
    "pip wheel -r requirements.txt -w /wheels",
    "pip uninstall -y foo",
    "pip list",
    "pip",
    "uv pip sync pylock.toml",
    "uv pip sync --system pylock.prod.toml",
    "uv pip sync --require-hashes requirements.txt",
    "uv pip sync hashed.txt",
    "uv pip install --system -r pylock.toml",
    "uv pip install --no-deps -e .",
    "uv pip compile requirements.in",
    "uv sync --frozen --no-dev",
    "uv sync --locked --no-install-project",
    "uv sync",
    "uv venv --seed /opt/venv",
    "uv tool install uv",
    "uv python install 3.12",
    "uv lock",
    "uv run python manage.py collectstatic",
    "uv",
    "poetry install --no-root --only main",
    "poetry config virtualenvs.create false",
    "poetry run python -c 'import app'",
    "pdm sync --prod",
    "pipenv install --system --deploy",
    "pipenv sync",
    "conda update -n base conda",
    "conda create -y -n app python=3.11",
    "conda clean -afy",
    "pipx ensurepath",
    "pipx install uv",
    "python setup.py build_ext --inplace",
    "python setup.py develop --no-deps",
    "python manage.py migrate",
    "python -c 'import pip; pip.main()'",
    "curl -LsSf https://astral.sh/uv/install.sh | sh",
    "curl https://example.org/get-pip.py | python3",
    "curl -L https://example.org/x.tar.gz | tar xz",
    "wget https://example.org/x && sha256sum -c x.sha256",
    "echo foo | sh",
    "cat script | bash script.sh",
    "curl https://example.org | python3 parse.py",
    "apt-get install -y python3-numpy python3-pip",
    "apk add --no-cache py3-pip",
    "npm install -g yarn",
    "echo pip install foo",
    "poetry run",
)

FOLDERS = {
    "pip install --no-index --no-deps /srv/wheels/*.whl": ("/srv/wheels/*.whl",),
    "pip install --no-deps wheels/a.whl": ("wheels/a.whl",),
    "pip install --no-index --find-links=/wheels foo": ("/wheels",),
    "uv pip install --no-index -f /wheels -r requirements.txt": ("/wheels",),
    "PIP_NO_INDEX=1 pip install /wheels/*": ("/wheels/*",),
}


def installs(text: str) -> list[Install]:
    commands = run_commands(parse(f"RUN /bin/sh -c {text} # buildkit"), {})
    found = (install_of(command, lambda name: FILES.get(name, "")) for command in commands)
    return [each for each in found if each is not None]


@pytest.mark.parametrize(("text", "why"), OUTSIDE.items(), ids=OUTSIDE)
def test_outside_the_lock(text: str, why: str) -> None:
    found = installs(text)
    assert len(found) == 1
    assert why in found[0].why


@pytest.mark.parametrize("text", WITHIN)
def test_nothing_outside_the_lock(text: str) -> None:
    assert installs(text) == []


@pytest.mark.parametrize(("text", "wheels"), FOLDERS.items(), ids=FOLDERS)
def test_without_an_index_the_files_decide(text: str, wheels: tuple[str, ...]) -> None:
    assert installs(text) == [Install("", wheels)]
