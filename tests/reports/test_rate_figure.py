from xml.etree import ElementTree

from headstart.reports.rate_figure import rate_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_the_curve_and_the_suggestion_stand_where_they_should() -> None:
    text = rate_svg([1e-6, 1e-5, 1e-4], [0.3, 0.1, 0.5], 1e-5, "a <block>")
    tree = ElementTree.fromstring(text)
    (curve,) = tree.findall(f"{SVG}polyline")
    assert curve.attrib["points"] == "60.0,184.0 380.0,334.0 700.0,34.0"
    assert {line.attrib["x1"] for line in tree.findall(f"{SVG}line")} == {"60.0", "380.0"}
    words = [each.text for each in tree.findall(f"{SVG}text")]
    assert words[0] == "a <block>: loss while the learning rate rises"
    assert {"1e-06", "1e-05", "1e-04", "0.5", "1.0e-05"} <= set(words)


def test_a_flat_curve_can_be_drawn() -> None:
    assert "polyline" in rate_svg([1e-6], [0.3], 1e-6, "x")
