"""`headstart backbones`."""


def test_json_lists_what_works_offline(headstart):
    ran = headstart("backbones", "--json")
    assert (ran.code, ran.err) == (0, "")
    rows = {row["name"]: row for row in ran.json["offline"]}
    assert rows["efficientnet_lite0"]["offline"]
    assert rows["efficientnet_lite0"]["licence"] == "apache-2.0"
    assert ran.json["keras_names"]["ResNet50"] == "resnet50"


def test_for_a_person(headstart):
    out = headstart("backbones").out
    assert "efficientnet_lite0" in out
    assert "installed, works offline" in out


def test_quiet_prints_names_for_a_loop(headstart):
    assert "efficientnet_lite0" in headstart("backbones", "--quiet").out.splitlines()
