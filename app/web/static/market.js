// The market: candles, what the strategies see in them, and what was bought and sold.
import { $, amount, api, choice, every, gain, h, known, n, orderLink, price, put, rows, share, side, signed, stamp, when } from "./core.js";
import { chart, colour, faded, kinds, markers, seconds } from "./charts.js";

const PALETTE = { light: ["#7a3fb5", "#00796b", "#9a6a00", "#b0306a", "#4a5a6d"], dark: ["#c49bff", "#4fd1c0", "#e8c15a", "#ff8fbd", "#a9b8cc"] };
const asked = new URLSearchParams(location.search);
const chosen = { symbol: asked.get("symbol") ?? localStorage.getItem("symbol") ?? "", interval: asked.get("interval") ?? localStorage.getItem("interval") ?? "" };
let shown = JSON.parse(localStorage.getItem("indicators") ?? "null");

const drawn = chart($("#candles"));
const candles = drawn.addSeries(kinds.candles, {});
const volume = drawn.addSeries(kinds.bars, { priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false });
drawn.priceScale("volume").applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
drawn.priceScale("right").applyOptions({ scaleMargins: { top: 0.08, bottom: 0.18 } });
const signs = markers(candles, []);
const lines = new Map();
let forming = null;
let first = true;
let latest = null;

function paint() {
  const up = colour("up"), down = colour("down");
  candles.applyOptions({ upColor: faded(up, 0.15), wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down });
  if (latest) { showVolume(latest); showIndicators(latest); showMarkers(latest); }
}
const isDark = () => getComputedStyle(document.documentElement).colorScheme.includes("dark");
document.addEventListener("theme", paint);

function showVolume({ bars }) {
  const up = faded(colour("up"), 0.35), down = faded(colour("down"), 0.35);
  volume.setData(bars.map((bar) => ({ time: seconds(bar.end), value: bar.volume, color: bar.close >= bar.open ? up : down })));
}

function showMarkers(seen) {
  const up = colour("up"), down = colour("down");
  signs.setMarkers(seen.markers.map((one) => one.side === "buy"
    ? { time: seconds(one.bar_end), position: "belowBar", shape: "arrowUp", color: up, text: "entry" }
    : { time: seconds(one.bar_end), position: "aboveBar", shape: "arrowDown", color: down, text: one.leg.replaceAll("_", " ") }));
}

function showIndicators({ bars, indicators }) {
  const wanted = indicators.filter((one) => shown.includes(label(one)));
  const tones = PALETTE[isDark() ? "dark" : "light"];
  for (const [name, line] of lines) if (!wanted.some((one) => label(one) === name)) { drawn.removeSeries(line); lines.delete(name); }
  for (const one of wanted) {
    const name = label(one), color = tones[indicators.indexOf(one) % tones.length];
    if (!lines.has(name)) {
      const pane = one.place === "price" ? 0 : Math.max(1, drawn.panes().length);
      const line = drawn.addSeries(kinds.line, { lineWidth: one.place === "price" ? 1.5 : 1, priceLineVisible: false, lastValueVisible: one.place !== "price", title: one.place === "price" ? "" : one.name, crosshairMarkerVisible: false }, pane);
      lines.set(name, line);
    }
    lines.get(name).applyOptions({ color });
    lines.get(name).setData(one.values.map((value, place) => (known(value) ? { time: seconds(bars[place].end), value } : { time: seconds(bars[place].end) })));
  }
  drawn.panes().forEach((pane, place) => pane.setStretchFactor(place ? 1 : 4));
}
const label = (one) => `${one.strategy} ${one.name}`;

function offer({ indicators }) {
  shown ??= indicators.filter((one) => one.place !== "other").map(label);
  const told = JSON.stringify(indicators.map(label)) + isDark();
  const place = $("#indicators");
  if (place.dataset.told === told) return;
  place.dataset.told = told;
  const tones = PALETTE[isDark() ? "dark" : "light"];
  const several = new Set(indicators.map((one) => one.strategy)).size > 1;
  put(place, $("legend", place), ...indicators.map((one, number) => {
    const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.color = tones[number % tones.length];
    return h("label", {}, h("input", { type: "checkbox", checked: shown.includes(label(one)), onchange: (event) => {
      shown = event.target.checked ? [...shown, label(one)] : shown.filter((name) => name !== label(one));
      localStorage.setItem("indicators", JSON.stringify(shown));
      if (latest) showIndicators(latest);
    } }), swatch, (several ? label(one) : one.name).replaceAll("_", " "));
  }));
}

const LENGTH = { s: 1, m: 60, h: 3600, d: 86400 };
function showForming(seen) {
  const last = seen.bars.at(-1);
  if (!last || !known(seen.price)) return;
  const length = parseInt(seen.interval, 10) * LENGTH[seen.interval.at(-1)];
  const time = (Math.floor(Date.parse(seen.price_at) / 1000 / length) + 1) * length;
  if (time <= seconds(last.end)) { forming = null; return; }
  forming = forming?.time === time
    ? { ...forming, high: Math.max(forming.high, seen.price), low: Math.min(forming.low, seen.price), close: seen.price }
    : { time, open: last.close, high: Math.max(last.close, seen.price), low: Math.min(last.close, seen.price), close: seen.price };
  candles.update(forming);
}

function showTables(seen) {
  if ($("#as-table").open) {
    rows($("#bars"), seen.bars.slice(-50).reverse(), (bar) => bar.end, (bar) => [stamp(bar.end), n(price(bar.open)), n(price(bar.high)), n(price(bar.low)), n(price(bar.close)), n(amount(bar.volume)), n(amount(bar.ticks)), bar.whole ? "yes" : "no"], "No bars yet");
  }
  if ($("#fills").open) {
    const numbered = seen.markers.map((one, number) => ({ ...one, key: `${one.client_order_id} ${one.at} ${number}` })).reverse();
    rows($("#executions"), numbered, (one) => one.key, (one) => [when(one.at, true), side(one.side), one.leg.replaceAll("_", " "), n(amount(one.amount)), n(price(one.price)), orderLink(one.client_order_id)], "None in this time");
  }
}

function tell(seen) {
  const { bars } = seen, last = bars.at(-1);
  const now = seen.price ?? last?.close;
  const change = bars.length ? now / bars[0].open - 1 : null;
  put($("#price"), known(now) ? price(now) : "", " ", known(change) ? gain(change, share) : "");
  const told = last
    ? `${seen.symbol}, ${bars.length} bars of ${seen.interval} up to ${stamp(last.end)} UTC: last close ${price(last.close)}, lowest ${price(Math.min(...bars.map((bar) => bar.low)))}, highest ${price(Math.max(...bars.map((bar) => bar.high)))}, ${signed(change, share)} over all; ${seen.markers.length} executions.`
    : `No bars of ${seen.symbol} yet.`;
  $("#candles-told").textContent = told;
  $("#candles").setAttribute("aria-label", told);
}

async function show() {
  if (!chosen.symbol) return;
  const wanted = { ...chosen };
  const seen = await api(`/bars?symbol=${encodeURIComponent(wanted.symbol)}&interval=${encodeURIComponent(wanted.interval)}&limit=400`);
  if (wanted.symbol !== chosen.symbol || wanted.interval !== chosen.interval) return;
  latest = seen;
  const size = seen.bars.at(-1)?.close ?? 1;
  const digits = size >= 1000 ? 2 : size >= 1 ? 4 : 6;
  candles.applyOptions({ priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
  candles.setData(seen.bars.map((bar) => ({ time: seconds(bar.end), open: bar.open, high: bar.high, low: bar.low, close: bar.close })));
  showVolume(seen);
  offer(seen);
  showIndicators(seen);
  showMarkers(seen);
  showForming(seen);
  showTables(seen);
  tell(seen);
  if (first && seen.bars.length) {
    drawn.timeScale().setVisibleLogicalRange({ from: Math.max(0, seen.bars.length - (innerWidth < 700 ? 60 : 150)), to: seen.bars.length + 3 });
    first = false;
  }
}

function choose(changes) {
  Object.assign(chosen, changes);
  localStorage.setItem("symbol", chosen.symbol);
  localStorage.setItem("interval", chosen.interval);
  history.replaceState(null, "", `?symbol=${encodeURIComponent(chosen.symbol)}&interval=${chosen.interval}`);
  forming = null;
  first = true;
  again();
}

let offered = "";
async function known_markets() {
  const { symbols, intervals } = await api("/markets");
  const told = JSON.stringify([symbols, intervals]);
  if (told === offered) return;
  offered = told;
  if (!symbols.includes(chosen.symbol)) chosen.symbol = symbols[0] ?? chosen.symbol;
  if (!intervals.includes(chosen.interval)) chosen.interval = intervals[0];
  put($("#symbol"), ...symbols.map((name) => h("option", { value: name, selected: name === chosen.symbol }, name)));
  choice($("#interval"), "interval", intervals, chosen.interval, (interval) => choose({ interval }));
  again();
}
$("#symbol").addEventListener("change", (event) => choose({ symbol: event.target.value }));
for (const details of [$("#as-table"), $("#fills")]) details.addEventListener("toggle", () => latest && showTables(latest));
const failed = (error) => { $("#candles-told").textContent = error.message; };
paint();
const again = every(2, show, failed);
every(15, known_markets, failed);
