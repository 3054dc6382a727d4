"""A headless Chromium that is asked over its own pipe: no driver, no library, no port.

Used by the tests of the report and by scripts/screenshot.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-extensions",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60.0
"""Seconds for one answer."""


def found() -> str | None:
    """The program, where there is one: what $CHROMIUM names, or the first of its usual names."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


class Browser:
    """One tab of a browser with a profile of its own that goes when it is left (`with Browser() as browser`).

    What a page says on the console and what it asks the network for is kept in `complaints` and `requests`.
    """

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._closing = ExitStack()
        self._last, self._rest, self._session = 0, b"", ""

    def __enter__(self) -> Browser:
        program = found()
        if program is None:
            raise FileNotFoundError("no Chromium on this machine")
        profile = self._closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        theirs, self._ask = os.pipe()
        self._hear, told = os.pipe()
        # The pipe has to be file descriptors 3 and 4 of the browser.
        command = ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{told}', "bash", program, *FLAGS]
        process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(theirs, told), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs), os.close(told)
        self._closing.callback(process.wait, timeout=PATIENCE)
        self._closing.callback(process.terminate)
        self._closing.callback(os.close, self._ask)
        self._closing.callback(os.close, self._hear)
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask for one thing of the DevTools protocol and wait for the answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        os.write(
            self._ask, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            heard = self._next()
            if heard.get("id") == self._last:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']['message']}")
                return dict(heard["result"])

    def open(
        self, page: Path, *, width: int = 1200, height: int = 900, dark: bool = False, paper: bool = False
    ) -> None:
        """Load a file as a window of this size shows it, in the light or the dark theme, or as paper does."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", media="print" if paper else "", features=[theme])
        self("Page.navigate", url=page.resolve().as_uri())
        end = time.monotonic() + PATIENCE
        while self.value("document.readyState + location.protocol") != "completefile:":
            if time.monotonic() > end:
                raise TimeoutError(f"{page} did not load")
            time.sleep(0.02)

    def value(self, script: str) -> Any:
        """What an expression is on the page; a promise is waited for."""
        result = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description", "a script failed"))
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Press and let go of a key such as Tab or Enter."""
        text = {"text": "\r"} if key == "Enter" else {}
        code = {"Tab": 9, "Enter": 13}.get(key, 0)
        self("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """The window as a PNG file."""
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))

    def printed(self) -> bytes:
        """The page as PDF on A4."""
        answer = self(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True, preferCSSPageSize=True
        )
        return base64.b64decode(answer["data"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._hear], [], [], PATIENCE)[0]:
                raise TimeoutError("the browser does not answer")
            read = os.read(self._hear, 1 << 20)
            if not read:
                raise ConnectionError("the browser has gone")
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(line)
        self._note(heard.get("method", ""), heard.get("params", {}))
        return heard

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(told["args"]))
        elif event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
