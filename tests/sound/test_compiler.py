"""Compiled kernels are kept by what they are made of, where only their user writes, and no others are touched."""

import ast
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import cnndsd
from cnndsd.farm.executors import Processes
from cnndsd.sound import compiler, kernelcache

PACKAGE = Path(cnndsd.__file__).parent


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, to be changed."""
    shutil.copytree(PACKAGE, tmp_path / "cnndsd", ignore=shutil.ignore_patterns("kernels-*"))
    return tmp_path / "cnndsd"


def run(copy, code, **environment):
    """The words that a process prints which imports the copy."""
    variables = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "CNNDSD_KERNEL_CACHE")}
    variables |= {"PYTHONPATH": str(copy.parent), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=variables, cwd=copy.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


MODULES = ["cnndsd.ear.measuring", "cnndsd.farm.choosing", "cnndsd.sound.lanes"]


def digests(copy):
    """Of the text of three modules of a copy and of what they import."""
    known = kernelcache._source, kernelcache._is_module
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernelcache, "_ROOT", copy)
        for answers in known:
            answers.cache_clear()
        found = list(map(kernelcache.source_digest, MODULES))
    for answers in known:
        answers.cache_clear()
    return found


@pytest.mark.parametrize(
    ("changed", "which"),
    [
        ("sound/simd.py", [True, True, True]),
        ("sound/schedule.py", [False, False, True]),
        ("farm/choosing.py", [False, True, False]),
        ("finishing/page.py", [False, False, False]),
    ],
)
def test_a_kernel_is_known_by_the_text_of_all_that_it_is_made_of(copy, changed, which):
    before = digests(copy)
    with (copy / changed).open("a") as file:
        file.write("# another\n")
    after = digests(copy)
    assert [a != b for a, b in zip(before, after, strict=True)] == which
    (copy / changed).write_bytes((copy / changed).read_bytes().replace(b"\n", b"\r\n"))
    assert digests(copy) == after


def test_imports_of_modules_and_of_names_are_both_followed():
    module = "cnndsd.sound.rendering"
    found, rest = set(), [module]
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest += kernelcache._source(name)[1]
    # ``from cnndsd.sound import kernel`` and ``from cnndsd.sound.network import parameters``.
    assert {"cnndsd.sound.kernel", "cnndsd.sound.network", "cnndsd.recipe", "cnndsd.schema"} < found
    assert not any(name.startswith(("cnndsd.ear", "cnndsd.farm")) for name in found)


def test_no_import_is_overlooked():
    """Kernels are known by the imports that a regular expression finds, which takes less time than the parser."""
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        text, found = kernelcache._source(module)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [str(node.module), *(f"{node.module}.{name.name}" for name in node.names)]
            else:
                continue
            ours = {name for name in names if name.startswith("cnndsd.") and kernelcache._is_module(name)}
            assert ours <= {*found}, path


def test_importing_leaves_numbas_own_setting_alone(copy):
    code = (
        "import numba; before = numba.config.CACHE_DIR; import cnndsd.farm.production;"
        "from cnndsd.sound import kernel; import pathlib;"
        "print(repr(before), repr(numba.config.CACHE_DIR), pathlib.Path(kernel.render_steps._cache.cache_path).parent)"
    )
    before, after, place = run(copy, code)
    assert before == after == "''"
    assert Path(place).parent == copy / "sound" / "__pycache__"
    mine = str(copy.parent / "mine")
    before, after, place = run(copy, code, NUMBA_CACHE_DIR=mine)
    assert before == after == repr(mine)
    assert Path(place).parent == Path(mine)


def test_kernels_of_older_code_are_removed(copy):
    beside = copy / "sound" / "__pycache__"
    beside.mkdir(exist_ok=True)
    old = [f"kernels-{of}0123456789abcdef" for of in ("", "analysis-", "ear.analysis-", "ear.gone-")]
    others = ["kernels-mine", "kernels-analysis", "notes", "kernels-ear.scoring-0123456789abcdef"]
    for name in (*old, *others):
        (beside / name).mkdir()
        (beside / name / "x.nbi").touch()
    run(copy, "import cnndsd.ear.analysis")
    left = {path.name for path in beside.iterdir() if path.is_dir()}
    assert not left & set(old)
    assert set(others) <= left
    assert any(re.fullmatch(r"kernels-ear\.analysis-[0-9a-f]{16}", name) for name in left)


WHERE = "print(kernelcache._writable_folder(), os.environ.get('CNNDSD_KERNEL_CACHE'));"
IMPORTED = "import os; from cnndsd.sound import kernelcache;"
NOTHING_IS_OURS = f"{IMPORTED} kernelcache._is_private = lambda folder: False;"
NOT_BESIDE = (
    f"{IMPORTED} real = kernelcache._is_private;"
    "kernelcache._is_private = lambda f: f.name != '__pycache__' and real(f);"
)


def test_where_nothing_can_be_written_no_kernel_is_read_from_a_folder_that_others_can_guess(copy, tmp_path):
    """What is read is code. The folder is new for each process, nobody else's, handed to workers, gone at the end."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    code = NOTHING_IS_OURS + WHERE + "import stat; print(stat.S_IMODE(os.stat(kernelcache._writable_folder()).st_mode))"
    first, handed, mode = run(copy, code, TMPDIR=str(temporary))
    second, _, _ = run(copy, code, TMPDIR=str(temporary))
    assert first == handed != second
    assert Path(first).parent == temporary
    assert int(mode) == stat.S_IRWXU
    assert list(temporary.iterdir()) == []
    given = tmp_path / "given"
    given.mkdir(mode=0o700)
    assert run(copy, IMPORTED + WHERE, CNNDSD_KERNEL_CACHE=str(given))[0] == str(given)


def test_installations_do_not_share_a_folder(copy, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    found = run(copy, NOT_BESIDE + WHERE, XDG_CACHE_HOME=str(cache))[0]
    assert Path(found).parent == cache / "cnndsd"
    other = tmp_path / "other"
    shutil.copytree(copy, other / "cnndsd")
    assert run(other / "cnndsd", NOT_BESIDE + WHERE, XDG_CACHE_HOME=str(cache))[0] != found


@pytest.mark.skipif(os.name == "nt", reason="has no modes of files")
@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "CNNDSD_KERNEL_CACHE", "XDG_CACHE_HOME"])
def test_no_kernel_is_read_from_a_folder_that_others_can_write(variable, copy, tmp_path):
    """Nor from one that they could put in its place."""
    open_to_all, closed = tmp_path / "open", tmp_path / "open" / "closed"
    closed.mkdir(parents=True, mode=0o700)
    open_to_all.chmod(0o777)
    for place in (open_to_all, closed):
        found = run(copy, (NOT_BESIDE if variable == "XDG_CACHE_HOME" else IMPORTED) + WHERE, **{variable: str(place)})
        assert not Path(found[0]).is_relative_to(open_to_all)
    open_to_all.chmod(0o1777)
    assert run(copy, IMPORTED + WHERE, NUMBA_CACHE_DIR=str(closed))[0] == str(closed)


@pytest.mark.skipif(os.name == "nt", reason="has no modes of files")
def test_kernels_beside_the_code_that_others_can_write_are_not_read(copy):
    code = "from cnndsd.sound import kernelcache; print(kernelcache.cache_folder('cnndsd.sound.kernel'))"
    place = Path(run(copy, code)[0])
    assert place.parent == copy / "sound" / "__pycache__"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    (place / "theirs").touch()
    place.chmod(0o777)
    assert Path(run(copy, code)[0]) == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert list(place.iterdir()) == []
    (copy / "sound" / "__pycache__").chmod(0o777)
    cache = copy.parent / "cache"
    assert Path(run(copy, code, XDG_CACHE_HOME=str(cache))[0]).is_relative_to(cache)


@pytest.mark.skipif(os.name == "nt", reason="has no owners of files")
@pytest.mark.skipif(os.name != "nt" and os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_another_user_is_not_private(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    assert kernelcache._is_private(theirs)
    os.chown(theirs, 12345, 12345)
    assert not kernelcache._is_private(theirs)


def test_all_is_compiled_once_for_each_need_and_processor_and_again_after_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "cache_folder", lambda module: tmp_path)
    called = []

    def fails():
        called.append("failed")
        raise MemoryError

    with pytest.raises(MemoryError):
        compiler.compile_once("m", "double", fails)
    for needs in ("double", "double", "single", "double"):
        compiler.compile_once("m", needs, lambda needs=needs: called.append(needs))
    # An older LLVM may call this machine's processor "generic".
    monkeypatch.setattr(compiler.numba.config, "CPU_NAME", "nehalem")
    compiler.compile_once("m", "double", lambda: called.append("for another processor"))
    assert called == ["failed", "double", "single", "for another processor"]


def test_processes_that_compile_for_different_types_at_once_keep_different_files(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "cache_folder", lambda module: tmp_path)
    # Two processes: each has its own object for the same function's files.
    one, other = (compiler.compiled(twice)._cache._cache_file for _ in range(2))
    save_index = one._save_index

    def save_after_the_other(overloads):
        # Both have read the index before either wrote it.
        other._save_index({})
        other.save("float64", "code for float64")
        save_index(overloads)

    one._save_index = save_after_the_other
    one.save("float32", "code for float32")
    assert one.load("float32") == "code for float32"
    assert other.load("float64") in (None, "code for float64")
    other.save("float64", "code for float64")
    one.save("int64", "code for int64")
    assert [one.load(key) for key in ("float32", "float64", "int64")] == [
        f"code for {key}" for key in ("float32", "float64", "int64")
    ]


@pytest.mark.parametrize("own", [True, False])
def test_only_in_a_process_of_its_own_numba_goes_without_scipy(own):
    code = (
        f"from cnndsd import process; {'process.take_over()' if own else ''}\n"
        "import cnndsd, sys; cnndsd.render(cnndsd.Recipe(seconds=0.01)); print('scipy.linalg' in sys.modules)\n"
        "import numba, numpy as np, scipy.signal; print(numba.njit(lambda a: a @ a)(np.ones((2, 2))).sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(not own), "8.0"]


def test_the_command_and_its_workers_are_processes_of_their_own(tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "cnndsd", "render", "--seconds", "0.1", "-o", "x.wav"]
    loaded = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stderr
    assert "llvmlite" in loaded
    assert "scipy.linalg.lapack" not in loaded
    with Processes(1, preload=["cnndsd.ear.analysis"]) as workers:
        assert workers.submit(has_loaded, "numba.np.arraymath").result(60)
        assert not workers.submit(has_loaded, "scipy.linalg").result(60)


def has_loaded(module):
    return module in sys.modules


def twice(x):
    return x + x
