"""The text that Prometheus reads."""

from headstart.model.prediction import Prediction
from headstart.serving.counts import Counts


def test_the_text_format():
    counts = Counts()
    counts.request("predict", 200, 0.04, timed=True)
    counts.request("predict", 200, 0.4, timed=True)
    counts.request("about", 200, 9.0, timed=False)
    counts.picture(Prediction("a", 'b"\\\n', 0.9, (), False, None))
    counts.picture(Prediction("a", None, None, (), True, "corrupt: JPEG: gone"))
    lines = counts.text({"bytes_held": 3}).splitlines()
    assert "# TYPE headstart_request_seconds histogram" in lines
    assert 'headstart_requests_total{endpoint="predict",status="200"} 2' in lines
    assert r'headstart_predictions_total{label="b\"\\\n"} 1' in lines
    assert 'headstart_pictures_total{outcome="unusable",reason="corrupt"} 1' in lines
    assert "headstart_bytes_held 3" in lines
    buckets = [line for line in lines if line.startswith("headstart_request_seconds_bucket")]
    found = {line.split('"')[1]: int(line.split()[-1]) for line in buckets}
    assert found["0.01"] == 0
    assert found["0.05"] == found["0.25"] == 1
    assert found["0.5"] == found["+Inf"] == 2
    assert list(found)[-1] == "+Inf"
    assert "headstart_request_seconds_count 2" in lines
