// The overview: what it is worth, what it risks, what is open, what happened last.
import { $, DASH, amount, api, badge, choice, count, every, figures, gain, h, known, many, money, n, onStatus, orderLink, pairs, price, put, rows, said, share, signed, way, when } from "./core.js";
import { chart, colour, faded, kinds, seconds } from "./charts.js";
import { allow, bind } from "./trading.js";

const SPANS = ["1h", "6h", "24h", "7d", "30d", "all"];
let span = localStorage.getItem("span") ?? "24h";

// ---- figures

function showFigures(seen) {
  const { account, totals } = seen, currency = seen.farm.currency;
  const won = totals?.trades_closed ? totals.trades_won / totals.trades_closed : null;
  const today = account?.profit_today;
  figures($("#figures"), [
    [`Equity, ${currency}`, money(account?.equity), account ? `cash ${money(account.cash)}` : ""],
    ["Profit today", gain(today), known(today) && account.day_open > 0 ? signed(today / account.day_open, share) : "", way(today)],
    ["Profit in all", gain(seen.profit), totals ? `${signed(totals.realised, money)} realised` : "", way(seen.profit)],
    ["Unrealised", gain(seen.unrealised), seen.trades ? many(seen.trades.length, "open trade") : "", way(seen.unrealised)],
    ["Closed trades", count(totals?.trades_closed), known(won) ? `${share(won, 0)} won` : "none yet"],
    ["Fees", money(totals?.fees), totals ? many(totals.executions, "execution") : ""],
    ["Tick to order", known(totals?.tick_to_order_p50_ms) ? `${count(totals.tick_to_order_p50_ms)} ms` : DASH, known(totals?.tick_to_order_p99_ms) ? `p99 ${count(totals.tick_to_order_p99_ms)} ms` : ""],
  ]);
}

// ---- trading state and limits

const LIMITS = [["Exposure", "exposure_share", "exposure_limit"], ["Drawdown", "drawdown", "drawdown_limit"], ["Loss today", "day_loss", "day_loss_limit"]];
const MEANT = { Exposure: "positions and reservations over equity", Drawdown: "fall from the day's high", "Loss today": "fall from the day's opening equity" };
const meters = LIMITS.map(([name]) => {
  const bar = h("div", { class: "fill" }), value = h("span");
  const track = h("div", { class: "track", role: "meter", "aria-label": `${name}: ${MEANT[name]}`, "aria-valuemin": 0 }, bar);
  return { box: h("div", { class: "meter" }, h("p", { title: MEANT[name] }, h("span", {}, name), value), track), bar, value, track };
});
put($("#limits"), ...meters.map((meter) => meter.box));

function showTrading(seen) {
  const account = seen.account;
  allow($("#switches"), account?.trading_state);
  LIMITS.forEach(([, name, limit], place) => {
    const { bar, value, track } = meters[place];
    const now = Number(account?.[name] ?? 0), most = Number(account?.[limit] ?? 1);
    value.textContent = account ? `${share(now)} of ${share(most, 0)}` : DASH;
    bar.style.width = `${Math.min(100, (100 * now) / most)}%`;
    bar.className = `fill ${now >= most ? "bad" : now >= 0.8 * most ? "warn" : ""}`;
    track.setAttribute("aria-valuemax", (most * 100).toFixed(2));
    track.setAttribute("aria-valuenow", (Math.min(now, most) * 100).toFixed(2));
    track.setAttribute("aria-valuetext", value.textContent);
  });
  const told = account ? JSON.stringify([account.trading_state, account.since, account.reason, account.by, account.reconciled_at]) : "";
  const place = $("#trading");
  if (place.dataset.told === told) return;
  place.dataset.told = told;
  if (!account) { put(place, h("p", { class: "empty" }, "The account is not open yet.")); return; }
  const list = h("dl", { class: "pairs one" });
  pairs(list, [["State", badge(account.trading_state)], ["Since", when(account.since, true)], ["By", account.by], ["Reason", account.reason], ["Books agree with the venue's", known(account.reconciled_at) ? when(account.reconciled_at, true) : "not compared yet"]]);
  put(place, list);
}

// ---- open trades

const away = (distance) => (known(distance) ? signed(Number(distance), share).replace("+", "") : DASH);
function showTrades(seen) {
  rows($("#open"), seen.trades ?? [], (trade) => trade.id, (trade) => [
    h("span", {}, h("a", { href: `/market?symbol=${encodeURIComponent(trade.symbol)}` }, trade.symbol), known(trade.unprotected_since) ? h("span", { class: "badge bad" }, "not protected") : ""),
    n(amount(trade.amount)), n(price(trade.entry_price)), n(price(trade.price)), n(money(trade.value)),
    n(h("span", {}, gain(Number(trade.unrealised ?? 0)), " ", h("span", { class: "note" }, known(trade.unrealised_share) ? signed(Number(trade.unrealised_share), share) : ""))),
    n(h("span", { title: `stop at ${price(trade.stop_price)}` }, away(trade.stop_distance))),
    n(h("span", { title: `target at ${price(trade.take_price)}` }, away(trade.take_distance))),
    when(trade.opened_at),
  ], "No trade is open");
}

// ---- events

let newest = -1;
function showEvents(seen) {
  if (seen.events[0]?.number === newest) return;
  newest = seen.events[0]?.number;
  const shown = seen.events.map((event) => h("li", {}, when(event.at), h("span", { class: "what" }, event.kind.replaceAll(/[._]/g, " ")),
    h("span", { class: "told" }, event.data.client_order_id ? orderLink(event.data.client_order_id) : "", event.data.client_order_id ? " " : "", said(event.data))));
  put($("#events"), ...(shown.length ? shown : [h("li", { class: "empty" }, "Nothing yet")]));
}

// ---- the curve

const drawn = chart($("#curve"));
const equity = drawn.addSeries(kinds.area, { lineWidth: 2, priceLineVisible: false, title: "Equity" });
const drawdown = drawn.addSeries(kinds.area, { lineWidth: 1, priceLineVisible: false, title: "Drawdown", invertFilledArea: true, priceFormat: { type: "custom", formatter: (value) => `${value.toFixed(2)} %`, minMove: 0.01 } }, 1);
drawn.panes()[0].setStretchFactor(3);
drawn.panes()[1].setStretchFactor(1);
function paint() {
  const up = colour("up"), down = colour("down");
  equity.applyOptions({ lineColor: up, topColor: faded(up, 0.28), bottomColor: faded(up, 0.02) });
  drawdown.applyOptions({ lineColor: down, topColor: faded(down, 0.05), bottomColor: faded(down, 0.3) });
}
document.addEventListener("theme", paint);
paint();

let fitted = "";
async function showCurve() {
  const curve = await api(`/equity?span=${span}`);
  const points = new Map(curve.points.map((point) => [seconds(point.at), point]));
  equity.setData([...points].map(([time, point]) => ({ time, value: Number(point.equity) })));
  drawdown.setData([...points].map(([time, point]) => ({ time, value: -100 * point.drawdown })));
  if (fitted !== span) { drawn.timeScale().fitContent(); fitted = span; }
  const told = describe(curve);
  $("#curve-told").textContent = told;
  $("#curve").setAttribute("aria-label", told);
}
function describe({ points }) {
  if (!points.length) return "Equity was not marked in this time yet.";
  const first = Number(points[0].equity), last = Number(points.at(-1).equity);
  const lowest = Math.min(...points.map((point) => point.lowest)), deepest = Math.max(...points.map((point) => point.drawdown));
  return `From ${money(first)} to ${money(last)} (${signed(last / first - 1, share)}), lowest ${money(lowest)}, deepest drawdown ${share(deepest)}.`;
}
const again = every(5, showCurve, (error) => { $("#curve-told").textContent = error.message; });
choice($("#span"), "span", SPANS, span, (chosen) => { span = chosen; localStorage.setItem("span", span); again(); });

bind($("#switches"));
onStatus((seen) => { showFigures(seen); showTrading(seen); showTrades(seen); showEvents(seen); });
