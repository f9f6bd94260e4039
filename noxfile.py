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
PYTHONS = Path("build/environments").resolve()
# What XLA has compiled once it need not compile again; not for benchmarks, which time that, too.
COMPILED = {
    "JAX_COMPILATION_CACHE_DIR": str(Path("build/compiled").resolve()),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
MADE = set()  # environments that this run of nox has made
# What runs longest first, and one file after the other, so that no process waits for the last one.
IN_PARALLEL = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
TESTS = ["tests/recipes", "tests/backends_matrix", "tests"]


def install(session, *requirements, groups=()):
    """Install the project's tested versions; uv also takes wheels from where pip is told to look."""
    groups = [item for group in groups for item in nox.project.dependency_groups(PYPROJECT, group)]
    wheels = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS")
    env = {"UV_FIND_LINKS": wheels} if wheels else {}
    if any("cuda" in requirement for requirement in requirements):
        env["UV_TORCH_BACKEND"] = "auto"  # the build for this machine's driver
    session.install("--constraint", str(CONSTRAINTS), *requirements, *groups, env=env)


def variables(backend):
    """Variables under which a backend computes the same, and as fast, each time."""
    return {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@nox.session
@nox.parametrize("backend", BACKENDS)
def tests(session, backend):
    """Test blocks, recipes, copies and matrix on a backend."""
    make_environment(session, backend)
    run_on(session, backend, "pytest", *IN_PARALLEL, *(session.posargs or TESTS), **COMPILED)


@nox.session
@nox.parametrize("backend", BACKENDS)
def environment(session, backend):
    """Make the environment of a backend that `tests`, `matrix`, `bench`, `layers_and_ops` and `relay` share."""
    make_environment(session, backend)


ENVIRONMENTS = [f"environment(backend={backend!r})" for backend in BACKENDS]


@nox.session(requires=ENVIRONMENTS)
def matrix(session):
    """Run every recipe on every backend and compare; the report is build/matrix/report.html."""
    run_matrix(session, BACKENDS)


@nox.session(name="matrix-changed", requires=ENVIRONMENTS)
def matrix_changed(session):
    """Run the recipes whose code has changed since the committed results, and of one more a preset, and compare."""
    run_matrix(session, BACKENDS, "--changed")


@nox.session(requires=ENVIRONMENTS)
def bench(session):
    """Time every recipe, as it ships, by Keras alone and by hand: build/bench/report.md; -- --quick."""
    run_bench(session, BACKENDS)


@nox.session(requires=ENVIRONMENTS)
def peers(session):
    """Train recipes and what other libraries have for it, on the same data: backends_matrix/results/peers.md."""
    run_on(session, BACKENDS[0], "backends_matrix.peers", "run", *pythons(BACKENDS), *session.posargs)
    run_on(session, BACKENDS[0], "backends_matrix.peers", "collect")


@nox.session(requires=ENVIRONMENTS)
def layers_and_ops(session):
    """Compare Keras' own layers, losses, optimizers, initializers and ops: build/layers_and_ops/report.md."""
    run_on(session, BACKENDS[0], "backends_matrix.layers_and_ops", "run", *pythons(BACKENDS), *session.posargs)
    install(session, "numpy")
    session.run("python", "-m", "backends_matrix.layers_and_ops", "compare", "--backends", *BACKENDS)


RELAY = {"jax": ["--first", "--kill-in-epoch", "2"], "torch": ["--kill-in-epoch", "3"], "tensorflow": []}


@nox.session(requires=ENVIRONMENTS)
def relay(session):
    """Begin a training on JAX, kill it, resume on torch, kill it, finish on TensorFlow; after `matrix`."""
    for recipe in session.posargs or ["vae", "collaborative_filtering"]:
        for backend, arguments in RELAY.items():
            run_on(session, backend, "backends_matrix.relay", "leg", recipe, "--backend", backend, *arguments)
        run_on(session, "jax", "backends_matrix.relay", "compare", recipe)


def make_environment(session, name):
    """Install an extra with what tests and benchmarks need, once, and let other sessions find its Python."""
    if name not in MADE:
        own = [group for group in PYPROJECT["dependency-groups"] if group.endswith(f"-{name.partition('-')[0]}")]
        install(session, "-e", f".[{name}]", groups=["tests", "bench", *own])
        PYTHONS.mkdir(parents=True, exist_ok=True)
        python = session.run("python", "-c", "import sys; print(sys.executable)", silent=True)
        (PYTHONS / name).write_text(python.strip())
        MADE.add(name)


def python_of(name):
    """The Python of an environment, by the name of its extra."""
    return (PYTHONS / name).read_text()


def run_on(session, name, module, *arguments, **more):
    """Run a module of the matrix with the Python, and on the backend, of an environment; `more` are variables."""
    env = {**variables(name.partition("-")[0]), **more}
    session.run(python_of(name), "-m", module, *arguments, env=env, external=True)


def run_matrix(session, names, *options):
    """Run all recipes in each environment, resume in each what all have saved, and compare."""
    for action in ("run", "resume"):
        arguments = [action, *pythons(names), *options, *session.posargs]
        run_on(session, names[0], "backends_matrix", *arguments, **COMPILED)
    install(session, "numpy")
    options = [*(option for option in options if option == "--changed"), *session.posargs]
    backends = [name.partition("-")[0] for name in names]
    session.run("python", "-m", "backends_matrix", "compare", "--backends", *backends, *options)


def pythons(names):
    """Options that name the Pythons of some environments."""
    return [text for name in names for text in ("--python", f"{name.partition('-')[0]}={python_of(name)}")]


def run_bench(session, names, *options):
    """Time all recipes in all environments, in turns."""
    run_on(session, names[0], "backends_matrix.bench", *pythons(names), *options, *session.posargs)


@nox.session
@nox.parametrize("backend", BACKENDS)
def full(session, backend):
    """Reach the figures of the docstrings: full presets, three seeds; -- RECIPE [RECIPE]."""
    install(session, "-e", f".[{backend}]")
    session.run("python", "-m", "backends_matrix.full", "run", *session.posargs, "--backend", backend)


@nox.session
def collect(session):
    """Put what `full` and `matrix` found into backends_matrix/results/, and into README.md."""
    install(session, "numpy")
    if Path("build/full").exists():
        session.run("python", "-m", "backends_matrix.full", "collect")
    if Path("build/matrix/report.json").exists():
        session.run("python", "-m", "backends_matrix", "collect")


@nox.session(name="tests-gpu")
@nox.parametrize("extra", GPU_EXTRAS)
def tests_gpu(session, extra):
    """Test on a GPU, on Linux with CUDA 12."""
    make_environment(session, extra)
    run_on(session, extra, "pytest", *session.posargs)


@nox.session(name="environment-gpu")
@nox.parametrize("extra", GPU_EXTRAS)
def environment_gpu(session, extra):
    """Make the environment of a backend with CUDA 12."""
    make_environment(session, extra)


GPU_ENVIRONMENTS = [f"environment-gpu(extra={extra!r})" for extra in GPU_EXTRAS]


@nox.session(name="matrix-gpu", requires=GPU_ENVIRONMENTS)
def matrix_gpu(session):
    """Run every recipe on a GPU; compared with all that is in build/matrix, what the CPU computed as well."""
    run_matrix(session, GPU_EXTRAS, "--gpu", "--jobs", "1")


@nox.session(name="bench-gpu", requires=GPU_ENVIRONMENTS)
def bench_gpu(session):
    """Time every recipe on a GPU."""
    run_bench(session, GPU_EXTRAS, "--gpu")


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
        session.run("keras-recipes", "run", "vae", *flags, env=variables("jax"))


@nox.session
def lint(session):
    """Check style, order and types, of the copies as well."""
    install(session, "-e", ".[jax]", groups=["lint", "tests"])
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("pyright")
    # Copies are as tidy as the recipes.
    session.run("pytest", "tests/keras_recipes/copying", "tests/recipes", "-k", "ruff", env=variables("jax"))
