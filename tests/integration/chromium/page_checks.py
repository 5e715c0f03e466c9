"""What must hold of every page, measured in the browser."""

from __future__ import annotations

from tests.integration.chromium.browser import Tab

CONTRAST_MIN = 4.5
"""Of text on its ground (WCAG 2.2, AA)."""
TARGET_MIN_PX = 24
_CONTRAST = """(() => {
  const parts = text => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(each => each / 255)
    .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
    .reduce((sum, each, place) => sum + each * [.2126, .7152, .0722][place], 0);
  const ground = node => {
    for (let each = node; each; each = each.parentElement) {
      const color = parts(getComputedStyle(each).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), node = walk.currentNode.parentElement;
    if (!text || !node.getClientRects().length) continue;
    const [one, other] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
    if (contrast < %s) bad.push(`${text}: ${contrast.toFixed(2)}`);
  }
  return bad;
})()"""
_UNNAMED = """(() => [...document.querySelectorAll("input:not([type=hidden])")]
  .filter(each => !each.labels.length || !each.labels[0].innerText.trim())
  .map(each => each.name))()"""
_SMALL = """(() => [...document.querySelectorAll("button, a, input:not([type=hidden])")]
  .map(each => [each.innerText || each.name, each.getBoundingClientRect()])
  .filter(([, box]) => box.height < %s).map(([name]) => name))()"""
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OUTLINE = "[...document.querySelectorAll('h1, h2')].map(each => each.tagName).join(' ')"


async def check_page(tab: Tab) -> None:
    """Assert that it fits its screen, can be read, pressed and heard."""
    place = await tab.value("location.pathname")
    assert await tab.value(_WIDE) <= 0, f"{place} is wider than its screen"
    assert await tab.value(_CONTRAST % CONTRAST_MIN) == [], place
    assert await tab.value(_UNNAMED) == [], f"{place}: fields without a name"
    assert await tab.value(_SMALL % TARGET_MIN_PX) == [], f"{place}: too small to press"
    assert (await tab.value(_OUTLINE)).split().count("H1") == 1, f"{place}: one heading"
    assert await tab.value("document.documentElement.lang") in ("en", "de")
    assert await tab.value("document.title.length") > 5
    assert await tab.value("document.scripts.length") == 0
