// The story of an order, from the tick to the execution.
import { $, DASH, amount, api, badge, every, gain, h, known, money, n, orderLink, pairs, price, put, rows, said, side, stamp, when } from "./core.js";

const name = decodeURIComponent(location.pathname.split("/").pop());

const milli = (text) => (known(text) ? `${stamp(text)}.${String(new Date(text).getUTCMilliseconds()).padStart(3, "0")}` : DASH);
const at = (text) => (known(text) ? h("time", { datetime: text, title: "UTC" }, milli(text)) : DASH);
function card(title, ...content) {
  const id = `part-${title.replace(/\W+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id }, h("div", { class: "head" }, h("h2", { id }, title)), ...content);
}
function list(items) { const made = h("dl", { class: "pairs" }); pairs(made, items); return made; }
function table(title, heads, items, cells, empty) {
  const made = h("table", {}, h("thead", {}, h("tr", {}, ...heads.map(([text, kind]) => h("th", { scope: "col", class: kind ?? null }, text)))), h("tbody"));
  rows(made, items.map((item, number) => ({ item, number })), (one) => one.number, (one) => cells(one.item), empty);
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": title }, made);
}
const words = (values) => Object.entries(values).map(([key, value]) => `${key.replaceAll("_", " ")} ${typeof value === "number" ? Number(value.toPrecision(8)) : value}`).join(" · ");

function order({ order, submitted_at, correlation_id }) {
  return card("Order", list([
    ["State", badge(order.state)], ["Symbol", h("a", { href: `/market?symbol=${encodeURIComponent(order.symbol)}` }, order.symbol)], ["Side", side(order.side)], ["Leg", order.leg.replaceAll("_", " ")],
    ["Amount", amount(order.amount)], ["Filled", amount(order.filled)], ["Limit", `${price(order.price)}, ${order.type}`], ["Reserves while it lives", money(order.reserved)],
    ["Approved", at(order.created_at)], ["Taken by the venue", at(submitted_at)], ["Attempts", String(order.attempts)], ["The venue's id", order.exchange_order_id ?? DASH],
    ["Reason", order.reason ?? DASH], ["Correlation id", correlation_id || DASH],
  ]));
}

function signal({ signal, ruling, order }) {
  if (!signal || !ruling) return card("Signal", h("p", { class: "note" }, `${order.signal_key} is not stored.`));
  const basis = signal.interval ? `the ${signal.interval} bar to ${milli(signal.bar_end)}, its window ${signal.window_whole ? "whole" : "with a gap"}` : `a level that was hit ${milli(signal.bar_end)}`;
  return card("Signal", h("p", {}, `${signal.strategy} ${signal.version}: `, side(signal.side), ` at ${price(signal.price)}, because ${signal.reason}.`), list([
    ["Strength", signal.strength.toFixed(3)], ["Looked at", basis], ["Found", at(signal.found_at)], ["Ruling", h("span", {}, badge(ruling.status), " ", at(ruling.at))], ["Because", ruling.reason ?? DASH],
    ...Object.entries(signal.indicators).map(([key, value]) => [key.replaceAll("_", " "), String(Number(value.toPrecision(8)))]),
  ]));
}

const SAME = { true: "The last is the very bar that the signal saw.", false: "THE LAST IS NOT the bar that the signal saw.", null: "Whether the last is the bar that the signal saw cannot be told." };
function market({ window, ticks }) {
  const parts = [];
  if (window) {
    const seen = window.since ? `A window of ${window.count} bars, from the one to ${milli(window.since)} to the one to ${milli(window.until)}; ${window.stored} of them are stored.` : `${window.stored} bars are stored up to the signal's.`;
    parts.push(h("p", { class: "note" }, `${seen} ${window.stored ? SAME[String(window.same)] : ""}`));
    parts.push(table("Bars", [["End (UTC)"], ["Open", "n"], ["High", "n"], ["Low", "n"], ["Close", "n"], ["Volume", "n"], ["Ticks", "n"]], window.last, (bar) => [milli(bar.end), n(price(bar.open)), n(price(bar.high)), n(price(bar.low)), n(price(bar.close)), n(amount(bar.volume)), n(String(bar.ticks))], "None is stored"));
  }
  if (ticks) {
    parts.push(h("p", { class: "note" }, `${ticks.count} ticks archived from ${milli(ticks.since)} to ${milli(ticks.until)}; the last of them:`));
    parts.push(table("Ticks", [["Time (UTC)"], ["Side"], ["Quantity", "n"], ["Price", "n"]], ticks.last, (tick) => [milli(tick.at), side(tick.side), n(amount(tick.quantity)), n(price(tick.price))], "None is archived"));
  }
  return card("Market", ...(parts.length ? parts : [h("p", { class: "note" }, "Nothing was kept.")]));
}

const checks = ({ checks }) => card("Risk checks", table("Risk checks", [["Result"], ["Rule"], ["What it saw"], ["Objection"]], checks, (one) => [badge(one.result), one.rule.replaceAll("_", " "), [words(one.numbers), "words"], [one.reason ?? "", "words"]], "None was kept"));

function happened({ events, order }) {
  const items = events.map((event) => {
    const other = event.data.client_order_id;
    return h("li", {}, at(event.at), h("strong", {}, event.kind.replaceAll(/[._]/g, " ")), other && other !== order.client_order_id ? h("span", {}, " of ", orderLink(other)) : "",
      h("span", { class: "told" }, said(event.data), event.task ? ` [${event.task}]` : ""));
  });
  return card("What happened", items.length ? h("ol", { class: "timeline" }, ...items) : h("p", { class: "note" }, "Nothing was kept."));
}

const executions = ({ executions }) => card("Executions", table("Executions", [["Time (UTC)"], ["Amount", "n"], ["Price", "n"], ["Commission", "n"], ["The venue's trade"]], executions, (one) => [milli(one.at), n(amount(one.amount)), n(price(one.price)), n(`${amount(one.commission)} ${one.commission_asset}`), one.venue_trade_id], "None"));

function trade({ trade, realised, siblings }) {
  return card(`Trade ${trade.id}`, list([
    ["Status", badge(trade.status)], ["Strategy", trade.strategy], ["Approved", at(trade.opened_at)], ["Closed", at(trade.closed_at)],
    ["Bought", `${amount(trade.bought_amount)} at ${price(trade.entry_price)}`], ["Sold", `${amount(trade.sold_amount)} at ${price(trade.exit_price)}`], ["Left", amount(trade.left)], ["Fees", money(trade.fees)],
    [trade.status === "closed" ? "Realised" : "Cash flow so far", gain(Number(realised))], ["Stop", price(trade.stop_price)], ["Target", price(trade.take_price)],
  ]), siblings.length ? h("h3", {}, "Its other orders") : null,
  siblings.length ? table("Its other orders", [["Order"], ["Side"], ["Leg"], ["State"], ["Filled", "n"]], siblings, (one) => [orderLink(one.client_order_id), side(one.side), one.leg.replaceAll("_", " "), badge(one.state), n(`${amount(one.filled)} of ${amount(one.amount)}`)], "") : null);
}

let told = "";
every(3, async () => {
  const story = await api(`/orders/${encodeURIComponent(name)}`);
  const text = JSON.stringify(story);
  if (text === told) return;
  told = text;
  const { side: way, symbol, client_order_id } = story.order;
  put($("#name"), `${way === "buy" ? "Buy" : "Sell"} ${symbol} `, h("span", { class: "mono note" }, client_order_id));
  document.title = `${way} ${symbol} · Claire de Binare`;
  put($("#story"), ...[order, signal, market, checks, happened, executions, trade].map((part) => part(story)));
}, (error) => { if (!told) put($("#story"), h("p", { class: "card empty" }, error.message)); });
