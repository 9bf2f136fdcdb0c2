"""`headstart recipes` and `headstart split`: what they print, and their exit codes."""

import tomllib


def test_recipes_are_listed_with_their_sources(headstart):
    ran = headstart("recipes")
    assert ran.code == 0
    assert "classic:vgg16-logistic\n" in ran.out
    assert "from: Pedro Marcelino 2018" in ran.out
    assert headstart("recipes", "--quiet").out.splitlines()[0] == "classic:inception-finetune"
    assert {"name", "about", "source"} == headstart("recipes", "--json").json[0].keys()


def test_one_recipe_is_shown_as_toml(headstart):
    ran = headstart("recipes", "show", "classic:vgg16-logistic")
    assert tomllib.loads(ran.out)["split_seed"] == 42


def test_what_is_no_recipe(headstart):
    ran = headstart("recipes", "show", "classic:vgg16")
    assert (ran.code, ran.out) == (2, "")
    assert "no recipe is called 'classic:vgg16'" in ran.complaint
    assert headstart("recipes", "list").code == 2


def test_options_beat_the_recipe(headstart, shapes, tmp_path, monkeypatch):
    asked = {}
    from headstart.errors import DatasetError

    def stop(pictures, out, recipe, *_):
        asked["recipe"] = recipe
        raise DatasetError("stop", "", "")

    monkeypatch.setattr("headstart.workflows.fit.run_fit", stop)
    options = ("--backbone", "resnet18", "--set", "say_every=7", "--set", "show=curves")
    headstart("fit", shapes, "--recipe", "classic:vgg16-logistic", *options, "--no-own-choice")
    recipe = asked["recipe"]
    assert (recipe.backbone, recipe.say_every, recipe.show) == ("resnet18", 7, ("curves",))
    assert (recipe.own_choice, recipe.split_seed) == (False, 42)


def test_a_setting_that_is_none(headstart, shapes):
    assert "'folds'" in headstart("fit", shapes, "--set", "folds=3").complaint
    assert "--set 'nothing'" in headstart("fit", shapes, "--set", "nothing").complaint


def test_the_recipe_of_a_bundle_holds_from_any_folder(
    headstart, draw_folder, tmp_path, monkeypatch
):
    photos = draw_folder(tmp_path / "photos", stripes=8, blobs=8)
    more = draw_folder(tmp_path / "more", start=20, stripes=3, blobs=3)
    names = [path.relative_to(photos).as_posix() for path in photos.rglob("*.png")]
    table = tmp_path / "labels.csv"
    table.write_text("".join(f"{name},{name.split('/')[0]}\n" for name in sorted(names)))
    monkeypatch.chdir(tmp_path)
    given = ("--images", "photos", "--test", "more", "--head", "ridge")
    first = headstart("fit", table, *given, "--out", "a.headstart", "--json").json
    written = tmp_path / "a.headstart" / "recipe.toml"
    read = tomllib.loads(written.read_text())
    assert (read["images"], read["test"]) == (str(photos), str(more))
    assert "weights" not in read
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = headstart("fit", table, "--recipe", written, "--out", "b.headstart", "--json").json
    assert again["test"] == first["test"]


def test_split_counts_on_the_console_and_as_json(headstart, shapes, tmp_path):
    ran = headstart("split", shapes, tmp_path / "a", "--symlink")
    assert (ran.code, ran.out) == (0, "")
    assert "stripes" in ran.err and f"written {tmp_path / 'a'}" in ran.err
    ran = headstart("split", shapes, tmp_path / "b", "--json", "--test-share", "25%")
    assert ran.json["counts"] == {
        "blobs": {"train": 15, "test": 5},
        "stripes": {"train": 18, "test": 6},
    }
    ran = headstart("split", shapes, tmp_path / "b")
    assert ran.code == 2
    assert "is there already" in ran.complaint


def test_split_says_what_it_left_out(headstart, shapes, tmp_path):
    names = sorted(path.relative_to(shapes).as_posix() for path in shapes.rglob("*.png"))
    table = tmp_path / "labels.csv"
    rows = [f"{name},{name.split('/')[0]}" for name in (*names[2:], "gone/1.png")]
    table.write_text("\n".join(rows))
    ran = headstart("split", table, tmp_path / "to", "--images", shapes, "--symlink")
    assert ran.code == 3
    first = f"{names[0]}, {names[1]}, gone/1.png; --json lists all"
    assert f"3 could not be used (no_row 2, no_file 1); first: {first}\n" in ran.err


def test_split_in_two_ways_at_once_is_refused(headstart, shapes, tmp_path):
    ran = headstart("split", shapes, tmp_path / "to", "--hard-link", "--symlink")
    assert (ran.code, ran.complaint) == (2, "--hard-link and --symlink at once")
    assert not (tmp_path / "to").exists()
