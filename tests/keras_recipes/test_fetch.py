import hashlib
import http.server
import subprocess
import sys
import threading
import time

import pytest

from keras_recipes.fetch import data_folder, fetch

CONTENT = b"a small data set\n" * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    requests = 0

    def do_GET(self):
        type(self).requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:100])
        self.wfile.flush()
        if self.path == "/slow":
            time.sleep(30)
        self.wfile.write(CONTENT[100:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(Handler, "requests", 0)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_downloads_once_into_the_folder_of_choice(server, tmp_path):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    for _ in range(2):
        path = fetch("some/set.bin", f"{server}/set.bin", sha256)
        assert path == tmp_path / "data" / "some" / "set.bin"
        assert path.read_bytes() == CONTENT
    assert Handler.requests == 1


def test_a_wrong_sum_names_both_and_leaves_nothing(server):
    with pytest.raises(ValueError, match=f"{'0' * 64}.*{hashlib.sha256(CONTENT).hexdigest()}"):
        fetch("set.bin", f"{server}/set.bin", "0" * 64)
    assert list(data_folder().iterdir()) == []


def test_a_kill_leaves_no_half_file_under_the_final_name(server):
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    program = f"from keras_recipes.fetch import fetch; fetch('set.bin', '{server}/slow', '{sha256}')"
    child = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    while not Handler.requests:
        assert child.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    child.kill()
    child.wait()
    assert not (data_folder() / "set.bin").exists()
    assert fetch("set.bin", f"{server}/set.bin", sha256).read_bytes() == CONTENT


def test_what_the_user_placed_there_is_used(server):
    data_folder().mkdir()
    (data_folder() / "set.bin").write_bytes(b"mine")
    assert fetch("set.bin", f"{server}/set.bin", "0" * 64).read_bytes() == b"mine"
    assert Handler.requests == 0


def test_without_a_choice_it_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("KERAS_RECIPES_DATA")
    assert "keras-recipes" in str(data_folder())


@pytest.fixture(autouse=True)
def _folder_of_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path / "data"))
