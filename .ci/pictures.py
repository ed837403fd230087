"""Makes the README's pictures from the built site, in Chromium:

.venv/bin/jupyter-book build . && .venv/bin/python .ci/pictures.py
"""

import shutil
from io import BytesIO
from pathlib import Path

from PIL import Image  # which Matplotlib brings along
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def save(shot, name):
    """A picture in 64 colours, which is a third of the bytes."""
    Image.open(BytesIO(shot)).convert("RGB").quantize(64).save(ROOT / ".github" / name, optimize=True)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1280, "height": 860}, device_scale_factor=1.5)
    page.goto((ROOT / "_build/html/book/entropy_bound.html").as_uri() + "#focal-bound", wait_until="networkidle")
    page.locator("#focal-bound").first.evaluate("place => place.scrollIntoView()")
    page.wait_for_timeout(1000)
    save(page.screenshot(), "page.png")
    page.goto((ROOT / "_build/html/book/calibration.html").as_uri(), wait_until="networkidle")
    page.add_style_tag(content="article img { background: white !important }")
    save(page.locator("img[alt*='maps over training steps']").first.screenshot(), "maps.png")
    browser.close()
