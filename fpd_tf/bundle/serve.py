"""Serves the web page of a bundle on 127.0.0.1."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fpd_tf.errors import InputError

RUNTIME = "node_modules/@litertjs/core"


def page_server(folder: str | Path, port: int = 8000) -> ThreadingHTTPServer:
    """A server on 127.0.0.1 for one folder; start it with `serve_forever()`.

    It lists no folders, follows no link out of its own, and isolates the page, as
    threads in WebAssembly need.

    Args:
        folder: a bundle, or its web folder.
        port: 0 for any that is free.

    Raises:
        InputError: no page in the folder, its runtime is not installed, or the port is
            taken.

    Example:
        >>> from fpd_tf.bundle.serve import page_server
        >>> page_server("bundle").serve_forever()  # doctest: +SKIP
    """
    folder = Path(folder)
    folder = folder / "web" if (folder / "web").is_dir() else folder
    if not (folder / "index.html").is_file():
        raise InputError.plain(folder, "", "is not a bundle: no index.html")
    if not (folder / RUNTIME).is_dir():
        sentence = f"the runtime is missing: run `npm install` in {folder} once"
        raise InputError.plain(folder / RUNTIME, "", sentence)
    handler = partial(_Handler, directory=str(folder.resolve()))
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise InputError("--port", "", "a free port", f"{port}: {error}") from error


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self):
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def send_head(self):
        path = Path(self.translate_path(self.path)).resolve()
        if not path.is_relative_to(self.directory):
            self.send_error(404)
            return None
        return super().send_head()

    def list_directory(self, path):
        self.send_error(404)

    def log_message(self, *_):
        pass
