"""The page, in a real browser."""

import shutil

import pytest

from headstart.model import bundle as bundle_files
from headstart.serving.gate import Access

HOSTILE = "<img src=x onerror=document.title='taken'>"
ANSWERED = "/^{} pictures? answered$/.test(document.getElementById('status').textContent)"


@pytest.fixture(scope="module")
def hostile(bundle, tmp_path_factory):
    """A bundle whose class names and training pictures want to be more than text."""
    import dataclasses
    import json

    import numpy as np

    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("hostile") / "h.headstart")
    record = bundle_files.read_record(folder)
    arrays = bundle_files.read_arrays(folder, bundle_files.GALLERY)
    names = json.loads(arrays["names"].tobytes())
    names["ids"] = [HOSTILE] * len(names["ids"])
    arrays["names"] = np.frombuffer(json.dumps(names).encode(), np.uint8)
    bundle_files.write_arrays(folder, arrays, bundle_files.GALLERY)
    (folder / bundle_files.RECORD).unlink()
    names = (HOSTILE, "</script><script>document.title='taken'</script>")
    bundle_files.write_record(folder, dataclasses.replace(record, class_names=names))
    return folder


def test_pictures_are_answered(browser, server, shapes, draw, tmp_path):
    browser("Page.navigate", url=server.url)
    browser.wait("document.title == 'shapes'")
    assert "Tells 2 classes apart." in browser.evaluate("document.body.innerText")
    strange = tmp_path / "strange.png"
    draw("stripes", 1).convert("L").point(lambda v: v // 40 * 40).rotate(45).save(strange)
    (tmp_path / f"{HOSTILE.replace('/', '')}.jpg").write_text("no picture")
    files = [next((shapes / "blobs").iterdir()), *sorted(tmp_path.iterdir())]
    browser.choose("#files", files)
    browser.wait(ANSWERED.format(3))
    items = browser.evaluate(
        "[...document.querySelectorAll('#answers > li')].map(i => [i.className, i.innerText])"
    )
    by_name = {text.splitlines()[0]: (kind, text) for kind, text in items}
    kind, text = by_name[files[0].name]
    assert kind == ""
    assert "blobs" in text and "%" in text
    assert "Training pictures most like it" in text
    kind, text = by_name[files[1].name]
    assert kind == "unusable"
    assert "the content is not an image: looks like plain text" in text
    widths = browser.evaluate(
        "[...document.querySelectorAll('.fill')].slice(0, 2).map(f => f.style.width)"
    )
    assert sum(float(width.rstrip("%")) for width in widths) == pytest.approx(100, abs=0.01)
    assert not [one for one in browser.complaints if "Content Security Policy" in str(one)]


def test_unsure_is_said_plainly(browser, server, draw, tmp_path):
    """The page shows what the server says; a reason in words stands beside it."""
    browser("Page.navigate", url=server.url)
    browser.wait("document.title == 'shapes'")
    for reason, words in (("unfamiliar", "unlike the pictures"), ("ambiguous", "clearly")):
        row = {"label": "a", "unsure": True, "reason": reason, "ranking": []}
        text = browser.evaluate(
            "(() => { const item = document.getElementById('answer').content.cloneNode(true)"
            f".firstElementChild; document.body.append(item); show({row!r}".replace("True", "true")
            + ", item); return item.innerText; })()"
        )
        assert text.strip().startswith("Unsure")
        assert words in text


def test_the_token_is_asked_for_and_names_cannot_script_the_page(
    browser, running, hostile, pictures, tmp_path
):
    path = tmp_path / "b.png"
    path.write_bytes(next(iter(pictures.values())))
    with running(hostile, name=HOSTILE, access=Access("right")) as server:
        browser("Page.navigate", url=server.url)
        browser.wait("document.activeElement?.id == 'token'")
        browser("Input.insertText", text="right")
        browser.evaluate("document.querySelector('#access button').click()")
        browser.wait("document.title.startsWith('<') && document.getElementById('access').hidden")
        browser.choose("#files", [path])
        browser.wait(ANSWERED.format(1))
        browser.evaluate("document.querySelector('details').open = true")
        text = browser.evaluate("document.body.innerText")
        assert text.count(HOSTILE) >= 4  # the model, the class, the nearest pictures
        assert browser.evaluate("document.title") == HOSTILE
        assert (
            browser.evaluate("document.querySelectorAll('img[src=x], article script').length") == 0
        )


def test_keyboard_and_screen_reader(browser, server):
    browser("Page.navigate", url=server.url)
    browser.wait("document.title == 'shapes'")
    tab = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    browser("Input.dispatchKeyEvent", type="keyDown", **tab)
    assert browser.evaluate("document.activeElement.id") == "files"
    tree = browser("Accessibility.getFullAXTree")["nodes"]
    said = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if "role" in n]
    assert ("heading", "shapes") in said
    assert any(role == "button" and "Choose pictures" in name for role, name in said)
    assert (
        browser.evaluate("document.getElementById('status').getAttribute('aria-live')") == "polite"
    )
    unnamed = [role for role, name in said if role in ("button", "textbox", "link") and not name]
    assert unnamed == []


def test_nothing_is_wider_than_a_phone(browser, server, shapes):
    browser(
        "Emulation.setDeviceMetricsOverride",
        width=320,
        height=600,
        deviceScaleFactor=1,
        mobile=True,
    )
    browser("Page.navigate", url=server.url)
    browser.wait("document.title == 'shapes'")
    browser.choose("#files", [next((shapes / "blobs").iterdir())])
    browser.wait(ANSWERED.format(1))
    assert browser.evaluate("document.documentElement.scrollWidth") <= 320
    browser("Emulation.clearDeviceMetricsOverride")
