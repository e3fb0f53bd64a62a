"""A program as they are: it starts a browser by chromedriver, fills its temp directory, has a helper
listen on a port, and is killed in the middle of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

driver_log = open("driver.log", "wb")
driver = subprocess.Popen(
    ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=driver_log, text=True
)
port = None
for line in driver.stdout:
    if "started successfully on port" in line:
        port = int(line.rsplit(" ", 1)[1].strip().rstrip("."))
        break
assert port, "chromedriver did not start"


def call(path, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


options = {
    "args": [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]
}
session = call(
    "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
)
call(f"/session/{session['sessionId']}/url", {"url": "data:text/html,<title>open</title>"})

for number in range(40):
    with tempfile.NamedTemporaryFile("wb", prefix="frame-", delete=False) as frame:
        frame.write(b"x" * 100_000)

server = subprocess.Popen(
    [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
    stdout=subprocess.PIPE,
    text=True,
    start_new_session=True,
)
server_port = int(server.stdout.readline().split(" port ")[1].split()[0])

with open("facts.json.new", "w") as facts:
    json.dump(
        {
            "browser": session["capabilities"]["goog:processID"],
            "profile": session["capabilities"]["chrome"]["userDataDir"],
            "driver": driver.pid,
            "driver_port": port,
            "server": server.pid,
            "server_port": server_port,
            "temp": tempfile.gettempdir(),
        },
        facts,
    )
os.rename("facts.json.new", "facts.json")
os.kill(os.getpid(), signal.SIGKILL)
time.sleep(60)
