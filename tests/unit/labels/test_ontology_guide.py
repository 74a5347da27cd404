from firstpass.labels import AttributeSpec, GuideExample, LabelClass, Ontology


def test_a_class_carries_phrases_attributes_and_a_guide_with_counter_examples():
    cup = LabelClass(
        "cup", ("a cup", "mug"), "#112233", (AttributeSpec("whole", ("yes", "no"), "yes"),), "Count the handle.",
        (GuideExample("1.jpg", "plain"), GuideExample("2.jpg", "a bowl", (1, 2, 3, 4), counter=True)),
    )  # fmt: skip
    ontology = Ontology((cup, LabelClass("jar")))
    assert ontology["cup"].asked_phrases == ("a cup", "mug")
    assert ontology["jar"].asked_phrases == ("jar",)
    assert ontology.color("cup") == "#112233"
    assert [e.counter for e in ontology["cup"].examples] == [False, True]
    assert "cup" in ontology
    assert [c.name for c in ontology] == ["cup", "jar"]
