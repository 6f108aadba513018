"""The build hook puts the dashboard into the package: when needed, whole, and with what is there."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

import hatch_build
from stepwell.dashboard.ui_sources import digest, is_built

NODE = """\
#!/bin/sh
here=$(dirname "$0")
if [ "$1" = --version ]; then cat "$here/version"; exit; fi
echo vite >> "$here/calls"
if [ -f broken ]; then
  echo "  at a line of a stack"
  echo "src/main.tsx: no such thing"
  exit 3
fi
mkdir -p "$STEPWELL_UI_OUT/.vite"
cp index.html "$STEPWELL_UI_OUT/index.html"
echo "# Licences of the scripts" > "$STEPWELL_UI_OUT/.vite/license.md"
"""
# What npm writes into node_modules names the packages that it installed.
NPM = """\
#!/bin/sh
here=$(dirname "$0")
echo "npm $*" >> "$here/calls"
mkdir -p node_modules/@fontsource-variable/inter
echo "The licence of Inter" > node_modules/@fontsource-variable/inter/LICENSE
cp package-lock.json node_modules/.package-lock.json
"""

# The part of a lock file that names packages, by their folder.
Packages = dict[str, dict[str, Any]]

RUNTIME = {"version": "19.3.1", "integrity": "sha512-a"}
FOR_DEVELOPMENT = {"version": "2.5.15", "integrity": "sha512-b", "dev": True}
FOR_ANOTHER_MACHINE = {"version": "1.0.0", "integrity": "sha512-c", "optional": True}
PACKAGES: Packages = {
    "": {"name": "dashboard"},
    "node_modules/react": RUNTIME,
    "node_modules/biome": FOR_DEVELOPMENT,
    "node_modules/native-win32": FOR_ANOTHER_MACHINE,
}


class Checkout:
    """A checkout with pages to build, and a Node.js and npm that only look like it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.web = self.root / "web"
        self.dist = self.root / "src" / "stepwell" / "dashboard" / "dist"
        self.tools = folder / "tools"
        (self.web / "src").mkdir(parents=True)
        self.dist.parent.mkdir(parents=True)
        self.tools.mkdir()
        (self.web / "package.json").write_text("{}")
        (self.web / "index.html").write_text("first")
        (self.web / "src" / "main.tsx").write_text("main")
        self.lock(PACKAGES)
        for name, script in (("node", NODE), ("npm", NPM)):
            (self.tools / name).write_text(script)
            (self.tools / name).chmod(0o755)
        self.have_node("v20.19.0")

    def have_node(self, version: str) -> None:
        (self.tools / "version").write_text(f"{version}\n")

    def lock(self, packages: Packages) -> None:
        (self.web / "package-lock.json").write_text(json.dumps({"packages": packages}))

    def installed(self, packages: Packages) -> None:
        folder = self.web / "node_modules"
        folder.mkdir(exist_ok=True)
        (folder / ".package-lock.json").write_text(json.dumps({"packages": packages}))

    def calls(self) -> list[str]:
        """The programs that were called since one asked last."""
        path = self.tools / "calls"
        calls = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return calls


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path)
    monkeypatch.setenv("PATH", f"{made.tools}:/usr/bin:/bin")
    monkeypatch.delenv("STEPWELL_UI", raising=False)
    return made


CI = "npm ci --no-audit --no-fund --ignore-scripts"


def test_the_first_build_installs_what_a_build_needs_and_the_second_does_nothing(
    checkout: Checkout,
) -> None:
    assert hatch_build.build_if_needed(checkout.root)
    assert checkout.calls() == [f"{CI} --omit=dev", "vite"]
    assert is_built(checkout.web, checkout.dist)

    assert not hatch_build.build_if_needed(checkout.root)
    assert checkout.calls() == []


def test_pages_are_built_again_for_other_sources_with_the_packages_that_are_there(
    checkout: Checkout,
) -> None:
    hatch_build.build_if_needed(checkout.root)
    checkout.calls()
    (checkout.web / "index.html").write_text("second")

    assert hatch_build.build_if_needed(checkout.root)
    assert checkout.calls() == ["vite"]
    assert (checkout.dist / "index.html").read_text() == "second"
    # Nothing is left of the old pages and of the way there.
    assert sorted(path.name for path in checkout.dist.parent.iterdir()) == [".dist-lock", "dist"]


def test_pages_that_were_deleted_come_back(checkout: Checkout) -> None:
    hatch_build.build_if_needed(checkout.root)
    shutil.rmtree(checkout.dist)

    assert hatch_build.build_if_needed(checkout.root)
    assert is_built(checkout.web, checkout.dist)


@pytest.mark.parametrize(
    ("installed", "command"),
    [
        pytest.param(PACKAGES, None, id="everything"),
        pytest.param({"node_modules/react": RUNTIME}, None, id="what a build needs"),
        pytest.param({}, f"{CI} --omit=dev", id="nothing"),
        pytest.param(
            {"node_modules/react": {**RUNTIME, "version": "19.3.0"}}, f"{CI} --omit=dev", id="old"
        ),
        pytest.param(
            {**PACKAGES, "node_modules/react": {**RUNTIME, "integrity": "sha512-z"}},
            CI,
            id="old, with what development needs",
        ),
    ],
)
def test_packages_are_installed_when_those_there_are_not_the_locked_ones(
    checkout: Checkout, installed: Packages, command: str | None
) -> None:
    """And whoever has the packages for development keeps having them."""
    checkout.installed(installed)

    hatch_build.build_if_needed(checkout.root)

    assert checkout.calls() == [*([command] if command else []), "vite"]


def test_who_develops_gets_all_packages_once(checkout: Checkout) -> None:
    checkout.installed({"node_modules/react": RUNTIME})

    assert hatch_build.install_for_development(checkout.root)
    assert checkout.calls() == [CI]
    assert not hatch_build.install_for_development(checkout.root)
    assert checkout.calls() == []


def test_the_pages_carry_the_licences_of_scripts_and_fonts_and_no_notes_of_the_build(
    checkout: Checkout,
) -> None:
    hatch_build.build_if_needed(checkout.root)

    assert (checkout.dist / "THIRD_PARTY_LICENSES.md").read_text() == (
        "# Licences of the scripts\n\n# Licence of the font inter\n\nThe licence of Inter\n"
    )
    assert not (checkout.dist / ".vite").exists()


def test_a_failed_build_keeps_the_old_pages_and_says_what_to_do(checkout: Checkout) -> None:
    hatch_build.build_if_needed(checkout.root)
    (checkout.web / "index.html").write_text("second")
    (checkout.web / "broken").touch()

    with pytest.raises(hatch_build.BuildFailed) as raised:
        hatch_build.build_if_needed(checkout.root)

    assert str(raised.value).splitlines()[:2] == [
        "The dashboard could not be built: `vite build` ended with 3.",
        "  src/main.tsx: no such thing",
    ]
    assert "STEPWELL_UI=skip" in str(raised.value)
    assert (checkout.dist / "index.html").read_text() == "first"
    assert sorted(path.name for path in checkout.dist.parent.iterdir()) == [".dist-lock", "dist"]


def test_one_of_many_processes_builds(checkout: Checkout) -> None:
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: hatch_build.build_if_needed(checkout.root), range(4)))

    assert sorted(built) == [False, False, False, True]
    assert checkout.calls() == [f"{CI} --omit=dev", "vite"]


def test_nothing_is_built_where_one_wants_none_or_there_is_nothing_to_build(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hatch_build.is_needed(checkout.root)

    monkeypatch.setenv("STEPWELL_UI", "skip")
    assert not hatch_build.build_if_needed(checkout.root)

    monkeypatch.delenv("STEPWELL_UI")
    shutil.rmtree(checkout.web)
    assert not hatch_build.build_if_needed(checkout.root)
    assert not checkout.dist.exists()


@pytest.mark.parametrize(
    ("version", "is_usable"),
    [
        ("v18.20.8", False),
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v21.9.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v23.0.0", True),
        ("v24.19.0", True),
        ("no version", False),
    ],
)
def test_a_node_of_the_system_is_used_when_vite_runs_on_it(
    checkout: Checkout, version: str, is_usable: bool
) -> None:
    checkout.have_node(version)

    assert (hatch_build.node_of_system() is not None) == is_usable


@pytest.mark.parametrize("missing", ["node", "npm"])
def test_a_node_without_npm_is_none_and_npm_without_node_neither(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    (checkout.tools / missing).unlink()
    monkeypatch.setenv("PATH", str(checkout.tools))

    assert hatch_build.node_of_system() is None


def test_a_node_is_asked_of_pypi_only_when_there_is_something_to_build_and_none_here(
    checkout: Checkout,
) -> None:
    # The hook looks at its root only.
    nothing = cast("Any", None)
    hook = hatch_build.DashboardBuildHook(str(checkout.root), {}, nothing, nothing, "", "wheel")
    assert hook.dependencies() == []

    checkout.have_node("v16.20.2")
    assert hook.dependencies() == [hatch_build.NODE_FROM_PYPI]

    checkout.have_node("v24.0.0")
    hatch_build.build_if_needed(checkout.root)
    checkout.have_node("v16.20.2")
    assert hook.dependencies() == []


def test_the_digest_knows_contents_and_names_and_nothing_else(checkout: Checkout) -> None:
    first = digest(checkout.web)

    (checkout.web / "src" / "main.test.tsx").write_text("a test")
    (checkout.web / "src" / "routeTree.gen.ts").write_text("made by the build")
    (checkout.web / "node_modules").mkdir()
    (checkout.web / "src" / "main.tsx").touch()
    assert digest(checkout.web) == first

    (checkout.web / "src" / "main.tsx").rename(checkout.web / "src" / "other.tsx")
    assert digest(checkout.web) != first
    (checkout.web / "src" / "other.tsx").rename(checkout.web / "src" / "main.tsx")
    assert digest(checkout.web) == first
    (checkout.web / "src" / "main.tsx").write_text("else")
    assert digest(checkout.web) != first
