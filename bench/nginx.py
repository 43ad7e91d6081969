"""nginx on loopback as the one to be held against: static files by sendfile, PUT by its DAV module, git by CGI."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import Meter, free_port, start, stop, wait_for_answer

_PATH = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
_CONFIG = """\
daemon off;
worker_processes 2;
pid {work}/nginx.pid;
error_log {work}/error.log;
user {user};
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_max_body_size 0;
  client_body_temp_path {work}/bodies;
  proxy_temp_path {work}/proxied;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /files/ {{ alias {files}/; }}
    location /put/ {{ alias {work}/put/; dav_methods PUT; }}
    {more}
  }}
}}
"""


@dataclass(slots=True)
class Nginx:
    url: str
    process: subprocess.Popen[bytes]
    stored: Path

    def meter(self) -> Meter:
        return Meter(self.process.pid)


def nginx_program() -> str | None:
    return shutil.which("nginx", path=_PATH)


@contextmanager
def running_nginx(work: Path, files: Path, more: str = "") -> Iterator[Nginx]:
    """Serves ``files`` under ``/files/`` and takes PUT under ``/put/`` (kept in ``stored``). ``more``: locations."""
    program = nginx_program()
    if program is None:
        raise SystemExit("nginx is missing; its Debian package is nginx-light")
    work = work / "nginx"
    (work / "put").mkdir(parents=True)
    port = free_port()
    user = "root" if os.geteuid() == 0 else "nobody"
    config = work / "nginx.conf"
    config.write_text(_CONFIG.format(work=work, files=files, port=port, user=user, more=more))
    process = start([program, "-p", str(work), "-e", str(work / "error.log"), "-c", str(config)], work / "out.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for_answer(process, url)
        yield Nginx(url, process, work / "put")
    finally:
        stop(process)
