"""What the addresses answer, to good requests and to bad ones."""

import base64
import io
import json
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import headstart as hs

CLOSE = 1e-5


@pytest.fixture(scope="module")
def expected(bundle, pictures):
    """The same pictures through the door in Python, as `predict --json` shows them."""
    return [one.to_json() for one in hs.load(bundle).predict(list(pictures.values()))]


def form(pictures):
    return [("file", (name, data)) for name, data in pictures.items()]


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert [row["label"] for row in one["ranking"]] == [
            row["label"] for row in other["ranking"]
        ]
        np.testing.assert_allclose(
            [row["probability"] for row in one["ranking"]],
            [row["probability"] for row in other["ranking"]],
            atol=CLOSE,
        )
        for key in ("label", "unsure", "reason"):
            assert one[key] == other[key]


def refused(answer, status):
    """The three lines of a refusal."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert told["error"] and told["expected"] and told["fix"]
    assert answer.headers["content-type"] == "application/json"
    return told


def test_a_form_of_files(client, pictures, expected):
    answer = client.post("/predict", files=form(pictures))
    assert answer.status_code == 200
    rows = answer.json()
    same(rows, expected)
    assert [row["path"] for row in rows] == list(pictures)
    assert rows[0].keys() == expected[0].keys()


@pytest.mark.parametrize(
    "kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", None]
)
def test_the_bytes_of_one_picture(client, pictures, expected, kind):
    headers = {} if kind is None else {"content-type": kind}
    data = next(iter(pictures.values()))
    rows = client.post("/predict", content=data, headers=headers).json()
    same(rows, expected[:1])
    assert rows[0]["path"] == "<bytes>"


def test_the_nearest_training_pictures(client, shapes):
    path = sorted((shapes / "blobs").iterdir())[5]
    (row,) = client.post("/predict?similar=3&top=1", content=path.read_bytes()).json()
    assert len(row["similar"]) == 3
    assert row["similar"][0].keys() == {"id", "label", "similarity"}
    assert row["similar"][0]["label"] == "blobs"
    assert len(row["ranking"]) == 1


def test_a_bad_picture_among_good_ones_is_a_row(client, pictures):
    name, data = next(iter(pictures.items()))
    answer = client.post(
        "/predict?similar=1", files=[("file", ("bad.png", data[:300])), ("file", (name, data))]
    )
    assert answer.status_code == 200
    bad, good = answer.json()
    assert (bad["path"], bad["label"], bad["similar"]) == ("bad.png", None, [])
    assert bad["reason"].startswith("truncated")
    assert good["label"] == "blobs"


def png(width, height):
    """A picture that says it is so large; its pixels are not there."""
    rows = zlib.compress(bytes(1000))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def broken(data):
    middle = len(data) // 2
    return data[:middle] + bytes(8) + data[middle + 8 :]


BAD = {
    "empty": (lambda png_: b"", 422, "empty"),
    "truncated": (lambda png_: png_[:400], 422, "truncated"),
    "corrupt": (broken, 422, "corrupt"),
    "text": (lambda png_: b"<html><body>404", 415, "not_an_image"),
    "svg": (lambda png_: b"<svg xmlns=''/>", 415, "not_an_image"),
    "eps": (lambda png_: b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "format_not_supported"),
    "random": (lambda png_: bytes(range(7, 250)) * 9, 415, "not_an_image"),
    "bomb": (lambda png_: png(30_000, 30_000), 413, "too_large"),
    "over the cap for strangers": (lambda png_: png(12_000, 12_000), 413, "too_large"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures(client, pictures, name):
    make, status, reason = BAD[name]
    told = refused(client.post("/predict", content=make(next(iter(pictures.values())))), status)
    (row,) = told["predictions"]
    assert row["reason"].partition(":")[0] == reason
    fix = "scale it down; docs" if reason == "too_large" else "send the files as they were taken"
    assert told["fix"].startswith(fix)
    assert client.get("/healthz").status_code == 200


def test_odd_but_good_pictures(client, draw):
    """Read here as everywhere: turned upright, laid on white, scaled to 8 bits."""
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = Image.fromarray((np.arange(96 * 96) * 7).astype(np.uint16).reshape(96, 96))
    clear = draw("blobs", 7).convert("RGBA")
    clear.putalpha(40)
    for picture, kind, more in (
        (draw("stripes", 7), "JPEG", {"exif": exif}),
        (deep, "PNG", {}),
        (clear, "WEBP", {}),
        (Image.new("L", (1, 1)), "PNG", {}),
        (Image.new("1", (1, 3000)), "GIF", {}),
    ):
        file = io.BytesIO()
        picture.save(file, kind, **more)
        assert client.post("/predict", content=file.getvalue()).status_code == 200


@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/plain", "nonsense"])
def test_wrong_types_of_content(client, kind):
    refused(client.post("/predict", content=b"{}", headers={"content-type": kind}), 415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        b"--x\r\n\r\n",
        b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\ntext\r\n--x--\r\n',
        b'--x\r\ncontent-disposition: form-data; name="a"; filename="b"\r\n\r\nhalf a file',
        b"--x\r\n" + b"h" * 99_999,
    ],
)
def test_broken_forms(client, body):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused(client.post("/predict", content=body, headers=headers), 400)
    refused(
        client.post(
            "/predict", content=body, headers={"content-type": headers["content-type"][:19]}
        ),
        400,
    )


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "C:\\x\\y.png", "<img src=x onerror=alert(1)>", "é\u202e.png", "a" * 300],
)
def test_a_file_name_is_only_text(client, pictures, name):
    (row,) = client.post("/predict", files={"file": (name, next(iter(pictures.values())))}).json()
    assert row["label"] == "blobs"
    # A browser that sends a whole path means its last part.
    assert row["path"] == name or name.endswith(f"\\{row['path']}")


@pytest.mark.parametrize(
    "query", ["top=0", "top=x", "similar=51", "similar=-1", "tops=3", "top=1e3"]
)
def test_wrong_queries(client, pictures, query):
    told = refused(client.post(f"/predict?{query}", content=next(iter(pictures.values()))), 400)
    assert query.partition("=")[0] in told["error"]


def test_too_many_pictures_and_too_many_bytes(client, server):
    many = [("file", (f"{k}.png", b"x")) for k in range(33)]
    told = refused(client.post("/predict", files=many), 413)
    assert "32" in told["expected"]
    refused(client.post("/predict", content=bytes(32 * 2**20 + 1)), 413)
    refused(client.post("/predict", content=iter([bytes(2**20)] * 34)), 413)  # of no stated length
    assert client.get("/healthz").status_code == 200


def test_addresses_that_are_not_there(client):
    refused(client.get("/nothing"), 404)
    refused(client.get("/../../etc/passwd"), 404)
    refused(client.get("/predict"), 405)
    refused(client.post("/about"), 405)
    refused(client.get("/v2/models/other"), 404)
    refused(client.post("/v2/models/other/infer", json={}), 404)


def infer(client, server, **tensor):
    return client.post(f"/v2/models/{server.name}/infer", json={"inputs": [tensor]})


def columns(answer):
    assert answer.status_code == 200, answer.text
    return {row["name"]: row["data"] for row in answer.json()["outputs"]}


def test_the_open_inference_protocol(client, server, pictures, expected):
    text = [base64.b64encode(data).decode() for data in pictures.values()]
    answer = infer(client, server, name="images", datatype="BYTES", shape=[4], data=text)
    found = columns(answer)
    ranked = [
        sorted(
            zip(found["classes"], found["probabilities"][2 * k : 2 * k + 2], strict=True),
            key=lambda e: -e[1],
        )
        for k in range(4)
    ]
    rows = [
        {
            "label": found["label"][k],
            "ranking": [{"label": label, "probability": p} for label, p in ranked[k]],
            "unsure": found["unsure"][k],
            "reason": found["reason"][k] or None,
        }
        for k in range(4)
    ]
    same(rows, expected)
    for path in ("", "/ready"):
        assert client.get(f"/v2/models/{server.name}{path}").status_code == 200
    described = client.get(f"/v2/models/{server.name}").json()
    assert [row["name"] for row in described["outputs"]] == list(found)
    assert client.get("/v2").json()["extensions"] == []


def test_the_open_inference_protocol_with_pixels(client, server, pictures, expected):
    pixels = np.asarray(Image.open(io.BytesIO(next(iter(pictures.values())))))[None]
    for data in (pixels.tolist(), pixels.ravel().tolist()):
        answer = infer(
            client, server, name="pixels", datatype="UINT8", shape=list(pixels.shape), data=data
        )
        best = max(columns(answer)["probabilities"])
        assert best == pytest.approx(expected[0]["probability"], abs=CLOSE)


def test_outputs_are_chosen_and_the_request_is_named(client, server, pictures):
    text = base64.b64encode(next(iter(pictures.values()))).decode()
    tensor = {"name": "images", "datatype": "BYTES", "shape": [1], "data": [text]}
    asked = {"id": "7", "inputs": [tensor], "outputs": [{"name": "label"}]}
    answer = client.post(f"/v2/models/{server.name}/infer", json=asked).json()
    assert answer["id"] == "7"
    assert answer["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["blobs"]}
    ]
    asked["outputs"] = [{"name": "colour"}]
    refused(client.post(f"/v2/models/{server.name}/infer", json=asked), 400)


GOOD = {"name": "pixels", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"name": "colour"}, 400),
        ({"name": ["images"]}, 400),
        ({"datatype": "FP32"}, 400),
        ({"shape": [1, 1, 1, 4]}, 400),
        ({"shape": [1, 1, 3]}, 400),
        ({"shape": [0, 1, 1, 3]}, 400),
        ({"shape": [True, 1, 1, 3]}, 400),
        ({"shape": None}, 400),
        ({"data": [1, 2]}, 400),
        ({"data": [1, 2, 256]}, 400),
        ({"data": [1, 2, -1]}, 400),
        ({"data": [1, 2, 10**30]}, 400),
        ({"data": [1, 2, 0.5]}, 400),
        ({"data": [[1], [2, 3]]}, 400),
        ({"data": "abc"}, 400),
        ({"data": None}, 400),
        ({"shape": [33, 1, 1, 3]}, 413),
        ({"shape": [1, 10_000, 10_000, 3]}, 413),
        ({"name": "images", "datatype": "BYTES", "shape": [1], "data": ["%"]}, 400),
        ({"name": "images", "datatype": "BYTES", "shape": [1], "data": [3]}, 400),
        ({"name": "images", "datatype": "BYTES", "shape": [2], "data": ["QQ=="]}, 400),
        ({"name": "images", "datatype": "BYTES", "shape": [1], "data": ["QQ=="]}, 415),
    ],
)
def test_wrong_tensors(client, server, change, status):
    refused(infer(client, server, **{**GOOD, **change}), status)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"3", b'{"inputs": []}', b'{"inputs": 1}', b"[" * 99_999, b"\xff"]
)
def test_wrong_json(client, server, body):
    refused(client.post(f"/v2/models/{server.name}/infer", content=body), 400)


def test_about(client, server, bundle):
    told = client.get("/about").json()
    assert told["classes"] == ["blobs", "stripes"]
    assert told["test"]["accuracy"] == json.loads((bundle / "results.json").read_text())["accuracy"]
    assert told["similar"] is True
    assert told["name"] == server.name == "shapes"


def test_health_needs_no_name(client):
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path).status_code == 200


def test_every_answer_has_the_headers_that_keep_browsers_safe(client):
    for answer in (
        client.get("/"),
        client.get("/about"),
        client.get("/nothing"),
        client.post("/predict"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:1"}, 200),
        ({"host": "192.168.1.5"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8000"}, 421),
        ({"host": "[::1"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:9", "origin": "http://localhost:9"}, 200),
        ({"host": "localhost:9", "origin": "http://evil.example"}, 403),
        ({"host": "localhost:9", "origin": "null"}, 403),
        ({"host": "localhost:9", "origin": "http://["}, 403),
    ],
)
def test_pages_of_strangers_are_kept_out(client, headers, status):
    answer = client.get("/about", headers=headers)
    assert answer.status_code == status
    if status != 200:
        refused(answer, status)


def test_metrics(client, pictures):
    client.post("/predict", content=next(iter(pictures.values())))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    rows = dict(
        line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")
    )
    assert int(rows['headstart_requests_total{endpoint="predict",status="200"}']) >= 1
    assert int(rows['headstart_predictions_total{label="blobs"}']) >= 1
    assert int(rows["headstart_request_seconds_count"]) == int(
        rows['headstart_request_seconds_bucket{le="+Inf"}']
    )
    assert rows["headstart_requests_in_progress"] == "0"
    assert rows["headstart_bytes_held"] == "0"


def test_answers_to_many_at_once_are_not_mixed_up(server, pictures, expected):
    data = list(pictures.values())

    def ask(number):
        (row,) = server.client.post("/predict", content=data[number % 4]).json()
        return row

    with ThreadPoolExecutor(8) as pool:
        same(list(pool.map(ask, range(24))), expected * 6)
