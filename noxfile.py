"""Everything that is run on this project: `nox -l` lists it, `pyproject.toml` names backends and versions.

With uv installed environments are made in seconds; without it, by pip.
"""

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests", "wheel", "matrix"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
BACKENDS = [extra for extra in EXTRAS if "-" not in extra]
GPU_EXTRAS = [extra for extra in EXTRAS if "-" in extra]
CONSTRAINTS = Path("constraints.txt").resolve()
MATRIX = "build/matrix"
IN_PARALLEL = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]


def install(session, *requirements, groups=()):
    """Install the project's tested versions; uv also takes wheels from where pip is told to look."""
    groups = [item for group in groups for item in nox.project.dependency_groups(PYPROJECT, group)]
    wheels = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")
    env = {"UV_FIND_LINKS": wheels} if wheels else {}
    if any("cuda" in requirement for requirement in requirements):
        env["UV_TORCH_BACKEND"] = "auto"  # the build for this machine's driver
    session.install("--constraint", str(CONSTRAINTS), *requirements, *groups, env=env)


def environment(backend):
    """Variables under which a backend computes the same, and as fast, each time."""
    return {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@nox.session
@nox.parametrize("backend", BACKENDS)
def tests(session, backend):
    """Test blocks, recipes, copies and matrix on a backend."""
    install(session, "-e", f".[{backend}]", groups=["tests", "bench"])
    session.run("pytest", *IN_PARALLEL, *session.posargs, env=environment(backend))


@nox.session
@nox.parametrize("backend", BACKENDS)
def bundles(session, backend):
    """Run every recipe on a backend, for `matrix` to compare."""
    install(session, "-e", f".[{backend}]", groups=["bench"])
    arguments = ["--backend", backend, "--folder", MATRIX, *session.posargs]
    session.run("python", "-m", "backends_matrix", "run", *arguments, env=environment(backend))


@nox.session(requires=[f"bundles(backend={backend!r})" for backend in BACKENDS])
def matrix(session):
    """Compare all backends on every recipe; the report is build/matrix/report.md."""
    install(session, "numpy")
    backends = [argument for backend in BACKENDS for argument in ("--backend", backend)]
    arguments = ["--folder", MATRIX, *backends, *session.posargs]
    session.run("python", "-m", "backends_matrix", "compare", *arguments)


@nox.session
@nox.parametrize("backend", BACKENDS)
def full(session, backend):
    """Reach the figures of the docstrings: full presets, three seeds; -- RECIPE [RECIPE]."""
    install(session, "-e", f".[{backend}]")
    session.run("python", "-m", "backends_matrix.full", "run", *session.posargs, "--backend", backend)


@nox.session
def collect(session):
    """Put what `full` found into backends_matrix/results/."""
    install(session, "numpy")
    session.run("python", "-m", "backends_matrix.full", "collect")


@nox.session
@nox.parametrize("extra", GPU_EXTRAS)
def tests_gpu(session, extra):
    """Test on a GPU, on Linux with CUDA 12."""
    install(session, "-e", f".[{extra}]", groups=["tests", "bench"])
    session.run("pytest", *session.posargs, env={"KERAS_BACKEND": extra.partition("-")[0]})


@nox.session
@nox.parametrize("extra", GPU_EXTRAS)
def bundles_gpu(session, extra):
    """Run every recipe on a GPU; `matrix` then compares these bundles, too."""
    install(session, "-e", f".[{extra}]", groups=["bench"])
    backend = extra.partition("-")[0]
    arguments = ["--backend", backend, "--folder", MATRIX, "--gpu", "--jobs", "1", *session.posargs]
    session.run("python", "-m", "backends_matrix", "run", *arguments, env={"KERAS_BACKEND": backend})


@nox.session
def wheel(session):
    """Build the wheel, and use it where nothing else of this project is."""
    install(session, "build", "hatchling")
    folder = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
    built = max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    install(session, str(built), "pytest")
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n")  # the project's would put the checkout on the path
    session.run(
        "pytest",
        "-c",
        str(settings),
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        str(Path("tests/wheel.py").resolve()),
    )
    install(session, f"{built}[jax]")
    with session.chdir(folder):
        flags = ["--preset", "smoke", "--epochs", "1", "--run-folder", "run"]
        session.run("keras-recipes", "run", "vae", *flags, env=environment("jax"))


@nox.session
def lint(session):
    """Check style, order and types, of the copies as well."""
    install(session, "-e", ".[jax]", groups=["lint", "tests"])
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("pyright")
    session.run("pytest", "-k", "ruff", env=environment("jax"))  # copies are as tidy as the recipes
