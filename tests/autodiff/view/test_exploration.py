"""The page of ``explore`` in a real browser: stepping, folding, searching, looks, safety."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import chromium, opened

import autodiff as ad
from autodiff import Node, Tensor, Value

Open = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Open:
    """Open the page of a node."""

    def show(node: Node, **options: Any) -> AbstractContextManager[Any]:
        return opened(browser, ad.explore(node, tmp_path / "page.html"), **options)

    return show


@pytest.fixture
def framed() -> Node:
    """The example with frames in it: one, and one with another one in it."""
    θ, x1, x2 = Value(0.5, label="θ"), Value(2.0, label="x1"), Value(3.0, label="x2")
    with ad.scope("one"):
        product = θ * x1
        with ad.scope("inner"):
            wave = ad.sin(product + x2)
    with ad.scope("two"):
        parabola = θ * x2**2
    f: Node = wave + parabola
    f.label = "f"
    return f


def text(page: Any, selector: str) -> str:
    return str(page.locator(selector).inner_text())


def drawn_text(page: Any, selector: str) -> str:
    return str(page.locator(f"#canvas {selector}").text_content())


def named(page: Any, name: str) -> Any:
    """The box of a node in the drawing."""
    ids = {node["full"]: node["id"] for node in page.evaluate("content.nodes")}
    return page.locator(f'[data-id="{ids[name]}"]')


def names(page: Any, selector: str) -> list[str]:
    """The names of the nodes that a selector finds in the drawing."""
    full = {node["id"]: node["full"] for node in page.evaluate("content.nodes")}
    return [
        full[found.get_attribute("data-id")] for found in page.locator(f"#canvas {selector}").all()
    ]


def adjoints(page: Any) -> dict[str, str]:
    rows = page.locator("#nodes tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").nth(2).inner_text() for row in rows}


# --- steps ----------------------------------------------------------------------------------------


def test_buttons_step_through_both_passes(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        assert text(page, "#pass") == "Start"
        assert page.locator("#back").is_disabled()
        page.click("#forward")
        assert text(page, "#pass") == "Forward pass, step 1 of 6"
        assert text(page, "#formula") == "f₁ = θ·x₁"
        assert "∂f₁/∂θ = x₁ = 2" in text(page, "#details")
        assert names(page, ".node.known") == ["θ", "x1", "x2", "f1", "2"]
        page.click("#last")
        assert text(page, "#count") == "15 / 15"
        assert page.locator("#forward").is_disabled()
        page.click("#back")
        assert text(page, "#pass") == "Reverse pass, step 8 of 9"
        page.click("#first")
        assert text(page, "#count") == "0 / 15"


def test_the_adjoints_that_arrive_are_those_of_backward(
    example: Callable[[], Node], show: Open
) -> None:
    f = example()
    with show(f) as page:
        page.keyboard.press("End")
        shown = adjoints(page)
        for node in ad.reverse.schedule(f):
            if node.label:
                name = {"x1": "x₁", "x2": "x₂"}.get(node.label, node.label)
                assert shown[name] == f"{node.grad:.6g}"
        assert not [t for t in shown.values() if "…" in t]


def test_a_reverse_step_highlights_its_node_its_child_terms_and_the_running_sums(
    example: Callable[[], Node], show: Open
) -> None:
    with show(example()) as page:
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        assert names(page, ".node.current") == ["f4"]
        assert names(page, ".node.child") == ["f5"]
        assert page.locator(".arrow.active").count() == 1
        assert drawn_text(page, ".partial.active") == "θ = 0.5"
        assert text(page, "#details") == "= ∂f₅/∂f₄·tf₅\n= θ·tf₅\n= 0.5·1\n\n= 0.5"
        assert text(page, "#nodes tr.current th") == "f₄"
        assert page.locator("#nodes tr.current").get_attribute("aria-current") == "step"
        shown = adjoints(page)
        assert (shown["f₅"], shown["f₄"], shown["f₃"], shown["θ"]) == ("1", "0.5", "1", "9 + …")
        assert shown["x₁"] == ""
        assert "arriving" in named(page, "θ").get_attribute("class")


def test_two_uses_of_one_operand_are_two_terms(show: Open) -> None:
    x = Value(3.0, label="x")
    with show(x * x) as page:
        page.keyboard.press("End")
        assert page.locator(".arrow.active").count() == 2
        assert page.locator("#details .term").count() == 2
        assert adjoints(page)["x"] == "6"


def test_slider_and_keys(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        page.locator("#step").fill("7")
        assert text(page, "#pass") == "Reverse pass, step 1 of 9"
        assert page.locator("#step").get_attribute("aria-valuetext") == text(page, "#pass")
        page.locator("#step").press("ArrowRight")  # the slider's own: one step, not two
        assert text(page, "#count") == "8 / 15"
        page.locator("body").press("ArrowLeft")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowLeft")
        assert text(page, "#count") == "0 / 15"
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        assert text(page, "#count") == "15 / 15"
        page.locator("#search").press("ArrowLeft")  # moves in the text
        assert text(page, "#count") == "15 / 15"


def test_a_click_on_a_node_goes_to_its_step_in_this_pass(
    example: Callable[[], Node], show: Open
) -> None:
    with show(example()) as page:
        named(page, "f3").click()
        assert text(page, "#pass") == "Forward pass, step 3 of 6"
        page.keyboard.press("End")
        named(page, "f3").click()
        assert text(page, "#pass") == "Reverse pass, step 4 of 9"
        page.get_by_role("button", name="f₅", exact=True).click()
        assert names(page, ".node.current") == ["f5"]
        named(page, "2").click()  # a constant has no step
        assert names(page, ".node.current") == ["f5"]


def test_every_step_is_said_aloud(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        said = page.locator("#said")
        assert said.get_attribute("aria-live") == "polite"
        page.keyboard.press("End")
        assert said.text_content().startswith("Reverse pass, step 9 of 9. adjoint t of θ. = ∂f₅/∂θ")
        assert said.text_content().endswith("= 7.69271")


# --- pointing, focus, search ----------------------------------------------------------------------


def test_pointing_at_a_node_shows_its_local_partials(
    example: Callable[[], Node], show: Open
) -> None:
    with show(example()) as page:
        tip = page.get_by_role("tooltip")
        assert not tip.is_visible()
        named(page, "f1").hover()
        assert "∂f₁/∂θ = x₁ = 2\n∂f₁/∂x₁ = θ = 0.5" in tip.inner_text()
        assert page.locator(".arrow.pointed").count() == 2
        page.keyboard.press("End")  # the tip keeps up
        assert "t = -0.653644" in tip.inner_text()
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        assert not page.locator(".arrow.pointed").count()


def test_the_keyboard_reaches_every_node(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        page.locator("#fit").focus()
        page.keyboard.press("Tab")
        reached = []
        for _ in range(len(page.evaluate("content.nodes"))):
            focused = page.locator(":focus")
            reached.append(focused.get_attribute("data-id"))
            assert focused.get_attribute("role") == "button"
            assert focused.get_attribute("aria-describedby") == "tip"
            page.keyboard.press("ArrowDown")
        assert reached == [node["id"] for node in page.evaluate("content.nodes")]
        assert "local partial" in text(page, "#tip").lower()
        page.keyboard.press("Enter")
        assert names(page, ".node.current") == ["f"]
        label = page.locator(":focus").get_attribute("aria-label")
        assert label == "output f = f₃ + f₅, value 3.7432"
        page.keyboard.press("ArrowRight")  # steps from anywhere
        assert page.locator(":focus").get_attribute("aria-label") == f"{label}, adjoint 1"


def test_what_can_be_used_has_a_role_and_a_name(framed: Node, show: Open) -> None:
    with show(framed) as page:
        for name in ("To the start", "One step back", "One step on", "To the end", "Fit", "Larger",
                     "one, 3 nodes", "Skip the drawing"):  # fmt: skip
            role = "link" if name.startswith("Skip") else "button"
            assert page.get_by_role(role, name=name, exact=True).count() == 1, name
        assert page.get_by_role("slider", name="Step").count() == 1
        assert page.get_by_role("searchbox", name="Find a node").count() == 1
        unnamed = page.evaluate(
            "[...document.querySelectorAll('button, [role=button]')].filter(part =>"
            " !(part.getAttribute('aria-label') || part.textContent).trim()).length"
        )
        assert unnamed == 0


def test_search_by_label(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        page.fill("#search", "x")
        assert names(page, ".node.found") == ["x1", "x2"]
        assert text(page, "#found") == "2 found"
        page.fill("#search", "x₂")  # as it is shown
        assert names(page, ".node.found") == ["x2"]
        page.locator("#search").press("Enter")
        assert text(page, "#found") == "1 of 1"
        assert "x2" in text(page, "#tip").replace("₂", "2")
        page.fill("#search", "nothing")
        assert text(page, "#found") == "none found"
        page.fill("#search", "")
        assert names(page, ".node.found") == []


# --- folding --------------------------------------------------------------------------------------


def test_clusters_fold_and_unfold(framed: Node, show: Open) -> None:
    with show(framed) as page:
        width = page.evaluate("drawing.size[0]")
        one = page.get_by_role("button", name="one, 3 nodes")
        assert one.get_attribute("aria-expanded") == "true"
        one.click()
        assert one.get_attribute("aria-expanded") == "false"
        assert not named(page, "f2").is_visible()
        assert not page.get_by_role("button", name="inner, 2 nodes").is_visible()
        assert drawn_text(page, '[data-cluster="k0"]') == "▸ one (3)"
        assert page.evaluate("drawing.size[0]") < width - 50  # the room closes
        for _ in range(9):
            page.keyboard.press("ArrowRight")
        named(page, "f").click()
        page.keyboard.press("ArrowRight")
        page.locator("body").press("End")
        page.evaluate("go(10)")  # f3, which is in it
        assert "current" in page.locator(".frame").first.get_attribute("class")
        assert page.locator(".arrow.active").is_visible()
        one.focus()
        page.keyboard.press("Enter")
        assert named(page, "f2").is_visible()
        assert page.evaluate("drawing.size[0]") == width


def test_folding_within_folding(framed: Node, show: Open) -> None:
    with show(framed) as page:
        page.get_by_role("button", name="inner, 2 nodes").click()
        assert named(page, "f1").is_visible()
        assert not named(page, "f2").is_visible()
        page.click("#fold-all")
        assert names(page, ".node:visible") == ["θ", "x1", "x2", "f"]
        page.click("#unfold-all")
        assert page.locator("#canvas .node:visible").count() == 10


def test_search_finds_and_opens_what_is_folded(framed: Node, show: Open) -> None:
    with show(framed) as page:
        page.click("#fold-all")
        page.fill("#search", "f2")
        assert page.locator(".frame.found:visible").count() == 1
        page.locator("#search").press("Enter")
        assert named(page, "f2").is_visible()
        assert not named(page, "f4").is_visible()


def test_without_clusters_nothing_offers_to_fold(example: Callable[[], Node], show: Open) -> None:
    with show(example()) as page:
        assert not page.locator("#fold-all").is_visible()


# --- looks ----------------------------------------------------------------------------------------

CUT_OFF = """[...document.querySelectorAll('.node:not(.gone)')].flatMap(node => {
  const box = node.querySelector('.outline').getBoundingClientRect();
  return [...node.querySelectorAll('text, image')].filter(part => {
    const text = part.getBoundingClientRect();
    return text.width && (text.left < box.left || text.right > box.right || text.top < box.top
      || text.bottom > box.bottom);
  }).map(part => part.textContent || 'picture');
})"""

OVERLAPPING = """(() => {
  const boxes = [...document.querySelectorAll('.node:not(.gone) .outline, .frame.folded')]
    .filter(box => box.getClientRects().length).map(box => box.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => a.left < b.right
    && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
})()"""

PALE = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => rgba(color).slice(0, 3).map(c => c / 255).map(c =>
    c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = (part) => {
    const box = part.closest('.node')?.querySelector('.outline')
      ?? part.closest('.partial')?.querySelector('.paper');
    if (box && part instanceof SVGElement) return getComputedStyle(box).fill;
    for (let at = part; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (rgba(color)[3] > 0) return color;
    }
    return 'white';
  };
  const parts = [...document.querySelectorAll('body *')].filter(part =>
    [...part.childNodes].some(child => child.nodeType === 3 && child.data.trim())
    && part.checkVisibility({ visibilityProperty: true }) && !part.closest('script, noscript'));
  return [parts.length, parts.map(part => {
    const style = getComputedStyle(part);
    const ink = part instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(ink), light(paper(part))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), part.textContent];
  }).filter(([contrast]) => contrast < 4.5)];
})()"""


@pytest.fixture
def network() -> Node:
    rng = np.random.default_rng(0)
    kernel = Tensor(rng.normal(size=(4, 1, 3, 3)), label="kernel")
    x = Tensor(rng.random((1, 1, 8, 8)), label="image")
    f = ad.relu(ad.conv(x, kernel)).sum()
    f.label = "a_label_that_is_quite_long_and_goes_on_and_on"
    return f


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(framed: Node, show: Open, scheme: str) -> None:
    with show(framed, color_scheme=scheme) as page:
        for step in (0, 3, 9, 15):
            page.evaluate(f"go({step})")
            named(page, "f1").hover()
            page.wait_for_timeout(200)  # colours change slowly
            count, pale = page.evaluate(PALE)
            assert count > 100
            assert pale == []


def test_light_and_dark_follow_the_system_and_the_button(
    example: Callable[[], Node], show: Open
) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with show(example(), color_scheme="dark") as page:
        assert page.evaluate(paper) == "rgb(20, 23, 26)"
        page.get_by_role("button", name="Light").click()
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate(paper) == "rgb(20, 23, 26)"
        page.emulate_media(color_scheme="light")
        page.wait_for_timeout(200)  # for the event
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        page.emulate_media(color_scheme="dark", media="print")  # paper is white
        assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_nothing_is_cut_off_and_nothing_overlaps(framed: Node, network: Node, show: Open) -> None:
    for node in (framed, network):
        with show(node) as page:
            page.keyboard.press("End")
            assert page.evaluate(CUT_OFF) == []
            assert page.evaluate(OVERLAPPING) == 0
            for button in page.locator(".fold").all():
                if button.is_visible():
                    button.click()
                    assert page.evaluate(OVERLAPPING) == 0


def test_a_narrow_page_does_not_scroll_sideways(
    example: Callable[[], Node], network: Node, show: Open
) -> None:
    for node in (example(), network):
        with show(node, viewport={"width": 360, "height": 700}) as page:
            page.keyboard.press("End")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_pictures_of_arrays_and_their_adjoints_appear_when_they_are_known(
    network: Node, show: Open
) -> None:
    with show(network) as page:
        kernel = named(page, "kernel")
        assert kernel.locator(".picture").is_visible()
        assert not kernel.locator(".gradient").is_visible()
        assert not named(page, "f1").locator(".picture").is_visible()
        page.keyboard.press("End")
        assert kernel.locator(".gradient").is_visible()
        assert page.locator("#details img").count() == 1
        assert not page.locator("#details pre").count()
        assert "blue" in text(page, "#details figcaption")


def test_paper_gets_the_whole_result_and_no_controls(
    example: Callable[[], Node], show: Open
) -> None:
    with show(example()) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert adjoints(page)["θ"] == "7.69271"
        assert not page.locator(".current").count()
        for part in (".steps", ".tools", "#search-form", "#card", "#theme"):
            assert not page.locator(part).is_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert adjoints(page)["θ"] == ""
        assert page.pdf(format="A4").startswith(b"%PDF")


# --- safety and size ------------------------------------------------------------------------------

HOSTILE = [
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "\"'><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "&lt;b&gt; \\N \u2028",
    "</text></svg><iframe src=https://example.org>",
    "\u05d0\u05d1\u202egnirts",
    "constructor",
    "__proto__",
]


def test_hostile_labels_are_shown_and_do_nothing(show: Open) -> None:
    nodes = [Value(1.0 + i, label=label) for i, label in enumerate(HOSTILE)]
    f: Any = nodes[0]
    for node, label in zip(nodes[1:], HOSTILE, strict=False):
        with ad.scope(label):
            f = f * node
    f.label = HOSTILE[0]
    with show(f) as page:
        page.evaluate("for (let i = 0; i <= passes.last; i++) go(i)")
        for label in HOSTILE[:3]:
            page.fill("#search", label)
            page.locator("#search").press("Enter")
            assert label in text(page, "#tip")
        page.click("#fold-all")
        assert page.evaluate("window.hacked") is None
        counts = "['script', 'img', 'iframe', 'b'].map(n => document.querySelectorAll(n).length)"
        assert page.evaluate(counts) == [2, 0, 0, 0]
        assert page.evaluate("document.title") == f"{HOSTILE[0]}_2, step by step"


def test_a_script_that_came_in_all_the_same_would_not_run(
    example: Callable[[], Node], show: Open, tmp_path: Path, browser: Any
) -> None:
    path = ad.explore(example(), tmp_path / "page.html")
    page_text = path.read_text(encoding="utf-8").replace(
        "<main>", "<main><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    )
    path.write_text(page_text, encoding="utf-8")
    page = browser.new_page()
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("window.hacked") is None
    assert page.locator("#canvas .node").count() == 10
    assert any("Content Security Policy" in text for text in refusals)
    page.close()


def test_hundreds_of_nodes_stay_quick(show: Open) -> None:
    values: list[Any] = [Value(0.1 * i, label=f"x{i}") for i in range(20)]
    while len(values) < 400:
        values.append(ad.sin(values[-7]) if len(values) % 2 else values[-5] + values[-2])
    with show(sum(values[-3:])) as page:
        milliseconds = page.evaluate(
            "(() => { const start = performance.now(); for (let i = 0; i < 20; i++) go(i * 30);"
            " return (performance.now() - start) / 20; })()"
        )
        assert milliseconds < 200
        assert page.evaluate(CUT_OFF) == []
