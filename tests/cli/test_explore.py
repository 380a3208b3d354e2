"""`lt2f explore` before there is a page: what it needs, and what it refuses."""

import importlib.util
import socket

from click.testing import CliRunner

from lt2f.cli import main


def refused(*options):
    done = CliRunner().invoke(main, ["explore", "--no-browser", *map(str, options)])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    return line


def test_a_folder_without_maps_is_refused_in_a_line(tmp_path):
    assert refused(tmp_path).startswith(f"lt2f: {tmp_path}: holds no map over two of")


def test_a_foreign_file_is_refused_in_a_line(tmp_path):
    (tmp_path / "notes.nc").write_text("no dataset")
    assert f"{tmp_path / 'notes.nc'}: " in refused(tmp_path / "notes.nc")
    assert "does not exist" in refused(tmp_path / "missing.nc")


def test_a_map_over_one_coordinate_is_refused(results):
    assert "line.nc: holds no map over two of" in refused(results / "line.nc")


def test_a_port_that_is_taken_is_named(results):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}: " in refused(results, "--port", port)


def test_without_the_extra_it_says_what_to_install(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    missing = lambda name, *rest: None if name == "bokeh" else find(name, *rest)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", missing)
    assert refused(tmp_path) == "lt2f: explore needs: pip install 'lt2f[explore]'"
