"""A person at the desk, in a real browser against the real server: what they do is there afterwards, whatever happens."""

import pytest

from firstpass.labels import Mask
from firstpass.labels.geometry import area_px


def box_of(obj):
    return [round(v) for v in obj.shape.xyxy_px]


def test_draw_adjust_relabel_delete_undo_and_submit(desk, hand, until):
    first = hand.image()
    hand.objects(2)
    hand.press("2", "w")
    hand.drag((60, 170), (120, 210))
    hand.objects(3)
    hand.press("Escape")
    hand.saved()
    hand.press("Tab")  # the least certain: the disk that lies wrong
    hand.press("ArrowRight", "ArrowRight", "Shift+ArrowUp")
    hand.press("x")
    hand.objects(2)
    hand.press("Control+z")
    hand.objects(3)
    hand.saved()
    hand.press("Enter")
    hand.next_image(first)
    hand.saved()
    labeled = until(lambda: desk.reviewed().get("p00.jpg"))
    found = {obj.class_name: obj for obj in labeled.objects if obj.class_name == "square"}
    assert all(abs(a - b) <= 1 for a, b in zip(box_of(found["square"]), (60, 170, 120, 210), strict=True))
    moved = next(obj for obj in labeled.objects if obj.id == "p00.jpg-b")
    assert box_of(moved) == [197, 120, 257, 180]
    assert labeled.author.kind == "human"
    assert all(obj.score is None for obj in labeled.objects)


def test_a_digit_changes_the_class_of_the_selection(desk, hand):
    hand.press("Tab", "2")
    hand.saved()
    rows = hand.page.get_by_test_id("object-row")
    assert sorted(rows.evaluate_all("rows => rows.map(row => row.dataset.class)")) == ["disk", "square"]


def test_a_click_makes_a_mask(desk, hand, until):
    hand.press("m")
    hand.click(90, 190)
    hand.objects(3)
    hand.press("Enter")
    hand.saved()
    hand.press("Space")
    labeled = until(lambda: desk.reviewed().get("p00.jpg"))
    masks = [obj for obj in labeled.objects if isinstance(obj.shape, Mask)]
    assert [area_px(mask.shape) for mask in masks] == [pytest.approx(60 * 40, rel=0.25)]


def test_undo_outlives_a_reload(desk, hand):
    hand.press("Tab", "x")
    hand.objects(1).saved()
    hand.page.reload()
    hand.ready().objects(1)
    hand.press("Control+z")
    hand.objects(2).saved()
    hand.press("Control+Shift+z")
    hand.objects(1).saved()


def test_the_keyboard_alone_through_ten_images(desk, hand, until):
    for n in range(10):
        before = hand.image()
        hand.press("Tab", "ArrowUp") if n % 2 else hand.press("Tab", "x")
        hand.press("Space" if n % 3 else "Enter")
        hand.next_image(before)
    hand.saved()
    done = until(lambda: (found := desk.reviewed()) and len(found) == 10 and found)
    assert sorted(len(labeled.objects) for labeled in done.values()) == [1] * 5 + [2] * 5


def test_two_tabs_conflict_and_both_are_kept(desk, hand, until, new_hand):
    other = new_hand(hand.page.context.new_page())
    other.page.set_default_timeout(15_000)
    other.open(hand.page.url)
    assert other.image() == hand.image()
    hand.press("Tab", "ArrowLeft")
    hand.saved()
    other.press("2", "w")
    other.drag((60, 170), (120, 210))
    other.page.get_by_test_id("conflict").wait_for()
    other.page.get_by_role("button", name="Keep both").click()
    other.objects(3).saved()
    before = other.image()
    other.press("Enter")
    other.next_image(before)
    labeled = until(lambda: desk.reviewed().get("p00.jpg"))
    assert sorted(obj.class_name for obj in labeled.objects) == ["disk", "disk", "square"]
    assert [194, 130, 254, 190] in [box_of(obj) for obj in labeled.objects]


def test_the_server_killed_while_labeling_loses_nothing(desk, hand, until):
    hand.press("Tab", "ArrowLeft")
    hand.saved()
    desk.kill()
    hand.press("Shift+ArrowLeft", "ArrowUp")
    hand.page.wait_for_selector("[data-testid=save-state]:not([data-state=saved])")
    desk.start()
    hand.open(desk.url)
    hand.objects(2).saved()
    before = hand.image()
    hand.press("Enter")
    hand.next_image(before)
    labeled = until(lambda: desk.reviewed().get("p00.jpg"))
    assert [184, 129, 244, 189] in [box_of(obj) for obj in labeled.objects]


def test_offline_and_back(desk, hand):
    hand.page.context.set_offline(True)
    hand.press("Tab", "x")
    hand.page.wait_for_selector("[data-testid=save-state][data-state=offline]")
    assert "offline" in hand.page.get_by_test_id("save-state").inner_text()
    hand.page.context.set_offline(False)
    hand.saved()
    hand.page.reload()
    hand.ready().objects(1)


def test_a_narrow_window_still_works(desk, page, new_hand):
    page.set_viewport_size({"width": 480, "height": 800})
    hand = new_hand(page).open(desk.url)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    hand.press("Tab", "x")
    hand.objects(1).saved()


def test_a_hostile_class_name_stays_text(desk, hand):
    hand.press("Tab", "3")
    hand.saved()
    assert hand.page.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert hand.page.evaluate("document.querySelectorAll('script:not([src])').length") == 0


def test_home_tells_how_far_the_team_is(desk, hand):
    before = hand.image()
    hand.press("Space")
    hand.next_image(before).saved()
    hand.page.get_by_role("link", name="Home").click()
    home = hand.page.get_by_test_id("home")
    home.get_by_text("1 of 12 images").wait_for()
    home.get_by_text("not enough data yet").wait_for()


def test_a_stage_runs_from_home_and_is_watched(desk, hand):
    hand.page.get_by_role("link", name="Home").click()
    hand.page.get_by_role("button", name="Select").click()
    hand.page.locator("[data-testid=job][data-status=done]").wait_for(timeout=60_000)
    hand.page.get_by_text("Review 12 images").wait_for()
