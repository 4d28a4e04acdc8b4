// What every page needs: asking the API, writing figures, and the state of the farm that all of a page listens to.

export const $ = (selector, within = document) => within.querySelector(selector);

/** An element; texts are only ever set as text. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function put(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// ---- the API

let token = null;

export class Refused extends Error {
  constructor(status, told) {
    super([told.error, told.cure].filter(Boolean).join(" "));
    this.status = status;
  }
}

async function session() {
  const answer = await fetch("/api/v1/session", { headers: { Accept: "application/json" } });
  const told = await answer.json();
  token = told.token;
  return told;
}

export async function api(path, { method = "GET", body } = {}, again = true) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") {
    if (token === null) await session();
    headers["X-CSRF-Token"] = token ?? "";
    if (body !== undefined) headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(`/api/v1${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({ error: `The console answered ${answer.status}.`, cure: "" }));
  if ((answer.status === 403 || answer.status === 401) && again && method !== "GET" && (await session()).logged_in) {
    return api(path, { method, body }, false);
  }
  if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  throw new Refused(answer.status, told);
}

export function toast(text) {
  const shown = h("p", {}, text);
  $("#toasts").append(shown);
  setTimeout(() => shown.remove(), 7000);
}

// ---- figures

const grouped = (least, most) => new Intl.NumberFormat("en-GB", { minimumFractionDigits: least, maximumFractionDigits: most });
const MONEY = grouped(2, 2), WHOLE = grouped(0, 0), AMOUNT = grouped(0, 8);
export const DASH = "–";

export const known = (value) => value !== null && value !== undefined;
export const money = (value) => (known(value) ? MONEY.format(value) : DASH);
export const count = (value) => (known(value) ? WHOLE.format(value) : DASH);
export const many = (value, what) => `${count(value)} ${what}${Number(value) === 1 ? "" : "s"}`;
export const amount = (value) => (known(value) ? AMOUNT.format(value) : DASH);
export const share = (value, digits = 2) => (known(value) ? `${(value * 100).toFixed(digits)} %` : DASH);
export const rate = (value) => (known(value) ? (value >= 100 ? WHOLE.format(value) : value.toFixed(1)) : DASH);
export const price = (value) => {
  if (!known(value)) return DASH;
  const size = Math.abs(value);
  return grouped(size >= 100 ? 2 : 0, size >= 1000 ? 2 : size >= 1 ? 4 : 8).format(value);
};
/** A minus that is as wide as a plus. */
export const signed = (value, write) => (known(value) ? `${value > 0 ? "+" : value < 0 ? "−" : ""}${write(Math.abs(value))}` : DASH);
export const way = (value) => (value > 0 ? "profit" : value < 0 ? "loss" : "");
export function gain(value, write = money) {
  if (!known(value)) return h("span", {}, DASH);
  const arrow = value > 0 ? "▲" : value < 0 ? "▼" : "";
  return h("span", { class: way(value) }, arrow ? h("span", { class: "arrow", "aria-hidden": "true" }, arrow) : "", signed(value, write));
}

const two = (number) => String(number).padStart(2, "0");
export function clock(text) {
  const at = new Date(text);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}
export const day = (text) => new Date(text).toISOString().slice(0, 10);
export const stamp = (text) => (known(text) ? `${day(text)} ${clock(text)}` : DASH);
/** Today's by the hour, others with their day; all of it in its title. */
export function when(text, whole = false) {
  if (!known(text)) return DASH;
  const today = day(text) === new Date().toISOString().slice(0, 10);
  return h("time", { datetime: text, title: `${text.replace("T", " ").replace("Z", "")} UTC` }, today && !whole ? clock(text) : stamp(text));
}

/** What an event says, in one line. */
const ELSEWHERE = new Set(["signal_key", "correlation_id", "client_order_id"]);
export function said(data) {
  return Object.entries(data)
    .filter(([name, value]) => !ELSEWHERE.has(name) && known(value))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(" · ");
}

const STATES = { ACTIVE: "good", REDUCING: "warn", HALTED: "bad", ready: "good", starting: "warn", down: "bad", filled: "good", open: "up", partially_filled: "up", submitting: "up", approved: "up", unknown: "bad", rejected: "warn", closed: "", pending: "up", passed: "good", refused: "bad", rerunning: "up", failed_again: "bad", done: "good", "worth it": "good", doubtful: "warn" };
export const badge = (text) => h("span", { class: `badge ${STATES[text] ?? ""}` }, String(text).replaceAll("_", " "));
export const side = (text) => h("span", { class: `badge ${text === "buy" ? "up" : "down"}` }, text);
export const orderLink = (name, shown) => h("a", { href: `/orders/${encodeURIComponent(name)}`, class: "mono", title: name }, shown ?? name.slice(0, 8));

// ---- tables, whose rows stay while they live, so that focus and selection do too

export function rows(table, items, key, cells, empty = "Nothing yet") {
  const body = $("tbody", table);
  const there = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const wanted = items.map((item) => {
    const name = String(key(item));
    const row = there.get(name) ?? h("tr", { "data-key": name });
    there.delete(name);
    const parts = cells(item);
    parts.forEach((part, place) => fill(row, place, part));
    return row;
  });
  there.forEach((row) => row.remove());
  wanted.forEach((row, place) => { if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null); });
  if (!items.length) {
    const columns = $("thead tr", table).cells.length || 1;
    body.append(h("tr", { "data-key": "" }, h("td", { colspan: columns, class: "empty" }, empty)));
  }
}

function fill(row, place, part) {
  const [content, kind] = Array.isArray(part) ? part : [part, ""];
  const cell = row.cells[place] ?? row.appendChild(h("td", { class: kind || null }));
  const told = content instanceof Node ? content.outerHTML : String(content);
  if (cell.dataset.told === told) return;
  cell.dataset.told = told;
  put(cell, content);
}
export const n = (content) => [content, "n"];

export function figures(list, items) {
  for (const [name, value, below, kind] of items) {
    const id = `figure-${name.replace(/\W+/g, "-")}`;
    let box = document.getElementById(id);
    if (!box) { box = h("div", { id }, h("dt", {}, name), h("dd"), h("dd", { class: "below" })); list.append(box); }
    const [main, second] = box.querySelectorAll("dd");
    put(main, value); main.className = kind ?? "";
    put(second, below ?? "");
  }
}

export function pairs(list, items) {
  put(list, ...items.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** One of several, as radio buttons. */
export function choice(fieldset, name, options, chosen, changed) {
  const legend = $("legend", fieldset);
  put(fieldset, legend, ...options.map((option) => h("label", {}, h("input", { type: "radio", name, value: option, checked: option === chosen, onchange: () => changed(option) }), h("span", {}, option))));
}

// ---- the state of the farm, once a second

const listeners = [];
let heardAt = 0;
let last = null;

export function onStatus(listener) {
  listeners.push(listener);
  if (last) listener(last);
}
export const status = () => last;

// Asked for, not streamed: browsers keep six connections to a console, and the seventh page would wait for ever.
async function look() {
  const seen = await api("/status");
  heardAt = performance.now();
  last = seen;
  listeners.forEach((listener) => listener(last));
}

// ---- the frame of the page

function frame(seen) {
  const mode = $("#mode"), state = $("#state");
  mode.hidden = false;
  mode.textContent = seen.farm.mode === "live" ? "LIVE" : "PAPER";
  mode.className = `badge ${seen.farm.mode === "live" ? "bad" : ""}`;
  mode.title = `${seen.farm.exchange}, ${seen.farm.mode}`;
  state.hidden = !seen.account;
  if (seen.account) {
    state.textContent = seen.account.trading_state;
    state.className = `badge ${STATES[seen.account.trading_state]}`;
    state.title = `${seen.account.reason} (${seen.account.by})`;
  }
  const told = seen.problems.join("\n");
  const box = $("#problems");
  if (box.dataset.told !== told) {
    box.dataset.told = told;
    put(box, ...seen.problems.map((problem) => h("p", {}, problem)));
  }
  const letters = $("#letters-waiting"), waiting = seen.totals?.dead_letters ?? 0;
  letters.hidden = !waiting;
  put(letters, h("span", { class: "unseen" }, " waiting: "), String(waiting));
  $("#version").textContent = `Version ${seen.farm.version}.`;
}

function tick() {
  $("#clock").textContent = clock(new Date().toISOString());
  const silent = (performance.now() - heardAt) / 1000, live = $("#stream");
  const [kind, word] = !heardAt ? ["", "connecting"] : silent < 4 ? ["on", "live"] : ["off", `silent for ${Math.round(silent)} s`];
  live.className = `live ${kind}`;
  live.title = word;
  const shown = $(".word", live);
  if (shown.textContent !== word) shown.textContent = word;
}

const THEMES = { "": ["◐", "as the system has them"], light: ["☀", "light"], dark: ["☾", "dark"] };
function theme(chosen) {
  if (chosen) document.documentElement.dataset.theme = chosen; else delete document.documentElement.dataset.theme;
  localStorage.setItem("theme", chosen);
  const [sign, told] = THEMES[chosen];
  const button = $("#theme");
  button.textContent = sign;
  button.setAttribute("aria-label", `Colours: ${told}`);
  button.title = `Colours: ${told}`;
  document.dispatchEvent(new Event("theme"));
}
$("#theme").addEventListener("click", () => {
  const order = Object.keys(THEMES), now = document.documentElement.dataset.theme ?? "";
  theme(order[(order.indexOf(now) + 1) % order.length]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("theme")));
$("#log-out")?.addEventListener("click", async () => { await api("/session", { method: "DELETE" }); location.assign("/login"); });

theme(document.documentElement.dataset.theme ?? "");
onStatus(frame);
setInterval(tick, 1000);
tick();
session().catch(() => null).finally(() => every(1, look));

/** Again and again while the page is looked at; an error is shown in the place of what it was to show. */
export function every(seconds, act, failed = () => null) {
  let timer = null;
  const run = async () => {
    clearTimeout(timer);
    if (!document.hidden) await act().catch(failed);
    clearTimeout(timer);
    timer = setTimeout(run, seconds * 1000);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) run(); });
  run();
  return run;
}
