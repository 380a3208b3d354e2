// The page's own part: what happens here is asked of the server, what it tells is written down.
window.lt2f = (() => {
  const by = id => document.getElementById(id);
  const names = JSON.parse(by("names").textContent);
  Object.assign(names, {
    rate: "learning rate η (weights u, w stay)",
    factor: "factor c", target: "target y",
  });
  const handles = {};
  let bridge, map, busy = 0, serial = 0, waiting = null, rests, moves, quiet = 0;

  // One question is on its way, the newest waits; steps of keys add up.
  function ask(question) {
    if (busy) {
      if (question.kind === "move" && waiting?.kind === "move")
        question = { kind: "move", dx: waiting.dx + question.dx, dy: waiting.dy + question.dy };
      waiting = question;
      return;
    }
    serial += 1;
    busy = setTimeout(next, 5000); // an answer that never comes does not silence the page
    document.body.dataset.asked = serial;
    bridge.asked = JSON.stringify({ ...question, serial });
  }

  function next() {
    clearTimeout(busy);
    busy = 0;
    const question = waiting;
    waiting = null;
    if (question) ask(question);
  }

  function element(tag, text, attributes = {}) {
    const made = Object.assign(document.createElement(tag), attributes);
    made.textContent = text;
    return made;
  }

  function handle({ name, value, low, high }) {
    const box = by("handle").content.cloneNode(true).firstElementChild;
    const [label, range, number, why] = box.children;
    label.textContent = names[name].replaceAll("/", "/\u2060"); // no line ends there
    label.htmlFor = number.id = `value-${name}`;
    range.id = `slide-${name}`;
    range.setAttribute("aria-label", names[name]);
    range.addEventListener("input", () => ask({ kind: "set", name, value: range.valueAsNumber }));
    number.addEventListener("change", () => {
      if (Number.isFinite(number.valueAsNumber)) ask({ kind: "set", name, value: number.valueAsNumber });
      else number.value = number.defaultValue; // cleared, or no number
    });
    if (low === undefined || name === "realization") { range.remove(); box.classList.add("plain"); }
    by("handles").append(box);
    return handles[name] = { box, range, number, why };
  }

  function tune(all) {
    if (all.map(one => one.name).join() !== Object.keys(handles).join()) // others, in their order
      for (const name of Object.keys(handles)) { handles[name].box.remove(); delete handles[name]; }
    for (const one of all) {
      const { range, number, why } = handles[one.name] ?? handle(one);
      range.disabled = number.disabled = Boolean(one.reason);
      why.hidden = !one.reason;
      why.textContent = one.reason ?? "";
      if (one.low !== undefined && document.activeElement !== range) {
        Object.assign(range, { min: one.low, max: one.high, step: 10 ** Math.round(Math.log10((one.high - one.low) / 2000)) });
        range.value = one.value;
      }
      range.setAttribute("aria-valuetext", Number(one.value.toPrecision(6)));
      number.defaultValue = Number(one.value.toPrecision(12));
      if (document.activeElement !== number || Number(number.value) !== one.value)
        number.value = Number(one.value.toPrecision(12));
    }
  }

  function mark(kind, words) {
    const line = ["solid", "dashed", "dotted", "dashdot"].includes(kind);
    const item = element("li", "");
    const sign = element("i", "", { className: line ? `line ${kind}` : "" });
    if (!line) sign.style.background = kind;
    item.append(sign, words);
    return item;
  }

  // Colours of numbers, from the least to the largest, with some of these below.
  function fill(told) {
    const [colours, marks, words] = by("bar").children;
    by("bar").hidden = !told;
    if (!told) return;
    colours.style.background = `linear-gradient(to right, ${told.colours.join(", ")})`;
    marks.replaceChildren(...told.marks.map(([place, text]) => {
      const mark = element("b", text);
      mark.style.left = `${100 * place}%`;
      return mark;
    }));
    words.textContent = told.words;
    by("bar").setAttribute("aria-label", `Colours: ${told.words}, from ${told.marks.at(0)[1]} to ${told.marks.at(-1)[1]}`);
  }

  function tell() {
    const told = JSON.parse(bridge.told);
    by("headline").textContent = told.headline;
    by("headline").style.borderColor = told.colour;
    by("agreement").textContent = `${told.agreement} Kernels: ${told.milliseconds} ms.`;
    by("rows").replaceChildren(...told.rows.map(([name, value, theory]) => {
      const row = element("tr", "");
      row.append(element("th", name, { scope: "row" }), element("td", value), element("td", theory));
      return row;
    }));
    by("verdict").replaceChildren(...told.verdict.flatMap(
      ([name, words]) => [element("dt", name), element("dd", words)]));
    by("key").replaceChildren(...told.key.map(([kind, words]) => mark(kind, words)));
    by("legend").textContent = told.legend;
    fill(told.bar);
    for (const [name, words] of Object.entries(told.pictures)) by(name).setAttribute("aria-label", words);
    by("choose-map").replaceChildren(...told.maps.map(name => element("option", name, { value: name })));
    by("choose-map").value = told.choices.map;
    for (const name of ["model", "law", "colour"]) by(name).value = told.choices[name];
    tune(told.handles);
    const silent = told.handles.some(one => one.name === "noise" && one.reason);
    by("model").disabled = by("law").disabled = silent;
    document.body.dataset.told = told.serial;
    clearTimeout(rests); // screen readers and the address learn where it came to rest
    rests = setTimeout(() => {
      by("live").textContent = told.headline;
      history.replaceState(null, "", `?${told.query}`);
      document.body.dataset.rest = told.serial;
    }, 150);
    next();
  }

  function seen() {
    clearTimeout(moves);
    moves = setTimeout(() => {
      const { x_range, y_range } = map;
      ask({ kind: "window", ends: [x_range.start, x_range.end, y_range.start, y_range.end] });
    }, 90);
  }

  const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  function pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [dx, dy] = KEYS[event.key] ?? [0, 0];
    const many = event.shiftKey ? 10 : 1;
    if (dx || dy) ask({ kind: "move", dx: many * dx, dy: many * dy });
    else if (event.key === "+" || event.key === "=") ask({ kind: "zoom", by: 0.5 });
    else if (event.key === "-") ask({ kind: "zoom", by: 2 });
    else if (event.key === "0" || event.key === "Home") ask({ kind: "whole" });
    else return;
    event.preventDefault();
  }

  function start(bridge_, map_) {
    [bridge, map] = [bridge_, map_];
    bridge.properties.told.change.connect(tell);
    bridge.properties.map.change.connect(() => { by("of-map").textContent = bridge.map; });
    by("of-map").textContent = bridge.map;
    for (const range of [map.x_range, map.y_range])
      for (const end of ["start", "end"]) range.properties[end].change.connect(seen);
    by("map").addEventListener("keydown", pressed);
    const clicks = { in: { kind: "zoom", by: 0.5 }, out: { kind: "zoom", by: 2 }, whole: { kind: "whole" }, home: { kind: "home" } };
    for (const [id, question] of Object.entries(clicks)) by(id).addEventListener("click", () => ask(question));
    for (const name of ["model", "law", "colour"])
      by(name).addEventListener("change", event => ask({ kind: "choose", name, value: event.target.value }));
    by("drag").addEventListener("change", event => ask({ kind: "drag", value: event.target.value }));
    by("choose-map").addEventListener("change", event => ask({ kind: "map", name: event.target.value }));
    by("link").addEventListener("click", async event => {
      await navigator.clipboard?.writeText(location.href).catch(() => {});
      event.target.textContent = "Link copied";
      setTimeout(() => { event.target.textContent = "Copy link to this view"; }, 1500);
    });
    tell();
  }

  const point = (x, y) => ask({ kind: "point", x, y });
  const follow = (x, y) => { if (by("follow").checked && Date.now() - quiet > 40) { quiet = Date.now(); point(x, y); } };
  return { start, point, follow };
})();
