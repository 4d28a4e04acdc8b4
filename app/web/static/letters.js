// Dead letters: tasks that failed for good. Some, or all of a kind, are run again or discarded.
import { $, api, badge, choice, count, every, h, many, n, put, rows, toast, when } from "./core.js";
import { askDiscard, askRerun } from "./reruns.js";

const STATES = { waiting: "", "run again": "rerunning", done: "done", discarded: "discarded" };
const short = (name) => name.replace(/^tasks\./, "");
const chosen = new Map();
let state = "waiting", shown = [];

const kind = h("select", { id: "kind", "aria-label": "Those that are chosen, or all of a kind", onchange: enable });
const rerun = h("button", { type: "button", onclick: () => act(() => askRerun(wanted(), finished)) }, "Run again");
const discard = h("button", { type: "button", class: "danger", onclick: () => act(() => askDiscard(wanted(), told(), finished)) }, "Discard");
put($("#letters-actions"), kind, rerun, discard);
choice($("#states"), "state", Object.keys(STATES), state, (to) => { state = to; chosen.clear(); look(); });

const wanted = () => (kind.value ? { kind: kind.value } : { letters: [...chosen].map(([number, times]) => ({ number, times })) });
const told = () => (kind.value ? `All of ${kind.value} (${many(500, "letter")} at most)` : many(chosen.size, "letter"));

async function act(ask) {
  try { await ask(); } catch (error) { toast(error.message); }
}

function finished() {
  chosen.clear();
  kind.value = "";
  look();
}

function enable() {
  const some = state === "waiting" && (chosen.size > 0 || kind.value !== "");
  rerun.disabled = discard.disabled = !some;
  kind.disabled = state !== "waiting";
}

function offer() {
  const counted = new Map();
  for (const one of shown) for (const name of [short(one.name), one.kind]) counted.set(name, (counted.get(name) ?? 0) + 1);
  const names = [...counted].sort();
  const options = ["", ...names.map(([name, times]) => `${name}|${times}`)].join("\n");
  if (kind.dataset.told === options) return;
  kind.dataset.told = options;
  const before = kind.value;
  put(kind, h("option", { value: "" }, "Those chosen below"), ...names.map(([name]) => h("option", { value: name }, `All of ${name}`)));
  kind.value = counted.has(before) ? before : "";
}

function box(one) {
  const field = h("input", { type: "checkbox", "aria-label": `Choose ${one.number}`, onchange: () => { if (field.checked) chosen.set(one.number, one.times); else chosen.delete(one.number); enable(); } });
  field.checked = chosen.has(one.number);
  return field;
}

const look = every(5, async () => {
  const asked = STATES[state];
  const page = await api(`/dead-letters?limit=200${asked ? `&state=${asked}` : ""}`);
  shown = page.rows;
  for (const [number, times] of chosen) if (!shown.some((one) => one.number === number && one.times === times)) chosen.delete(number);
  rows($("#listing"), shown, (one) => `${one.number}-${one.times}-${one.state}`, (one) => [
    state === "waiting" ? box(one) : "", n(h("a", { href: `/dead-letters/${one.number}` }, String(one.number))), when(one.last_at, true), n(count(one.times)), h("span", { class: "mono" }, short(one.name)), h("span", { class: "mono" }, one.about.slice(0, 24) || "–"),
    [h("span", {}, one.state === "failed_again" ? badge(one.state) : "", " ", h("strong", {}, one.kind), ` ${(one.note && state !== "waiting" ? one.note : one.error).split("\n")[0]}`), "words"],
  ], state === "waiting" ? "No task has failed for good" : "There is none in that state");
  $("#total").textContent = `${count(page.total)} ${state}${page.total > shown.length ? `, the newest ${shown.length} are shown` : ""}`;
  offer();
  enable();
}, (error) => { $("#total").textContent = error.message; });
enable();
