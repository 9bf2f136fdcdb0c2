from headstart.model.prediction import threshold_text


def test_a_threshold_is_never_rounded_to_certainty():
    assert threshold_text(2 / 3) == "below a probability of 66.67 %"
    assert threshold_text(0.99999994) == "below a probability of 99.999994 %"
    assert threshold_text(0.0) == "at no probability"
