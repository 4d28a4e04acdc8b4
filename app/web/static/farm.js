// The farm: services, queues, workers, tasks.
import { $, DASH, badge, count, figures, h, known, many, n, onStatus, pairs, put, rate, rows } from "./core.js";

const NAMES = { ticks_received: "ticks received", ticks_processed: "ticks processed", ticks_late: "ticks after their bar had closed", ticks_doubled: "ticks that came twice", ticks_bad: "ticks that were none", ticks_conflated: "ticks conflated", ticks_archived: "ticks archived", ticks_archive_lost: "ticks not archived", frames_broken: "frames that could not be read", bars_closed: "bars closed", requests_waited: "requests that had to wait", limiter_away: "requests without the limiter", limiter_flushed: "times the limiter was emptied" };
const sum = (items, of) => items.reduce((total, item) => total + (of(item) ?? 0), 0);

function showFigures(seen) {
  const services = seen.services ?? [], up = services.filter((one) => one.state === "ready").length;
  const waiting = known(seen.queues) && known(seen.mailboxes) ? sum(seen.queues, (one) => one.depth) + sum(seen.mailboxes, (one) => one.depth) : null;
  const lags = (seen.mailboxes ?? []).map((one) => one.lag_s).filter(known);
  figures($("#figures"), [
    ["Services ready", seen.services ? `${up} of ${services.length}` : DASH, seen.services ? many(sum(services, (one) => one.restarts), "restart") : ""],
    ["Ticks a second", rate(seen.ticks_per_s), known(seen.counters) ? `${count(seen.counters.ticks_processed ?? 0)} in all` : ""],
    ["Tasks a second", seen.tasks.length ? rate(sum(seen.tasks, (one) => one.per_s)) : DASH, `${count(sum(seen.tasks, (one) => one.succeeded))} succeeded`],
    ["Waiting", count(waiting), lags.length ? `lag ${Math.max(...lags).toFixed(1)} s` : ""],
    ["Failed, retried", `${count(sum(seen.tasks, (one) => one.failed))}, ${count(sum(seen.tasks, (one) => one.retried))}`, known(seen.totals) ? many(seen.totals.dead_letters, "dead letter") : ""],
  ]);
}

// A service that runs may still lack what it needs for its work.
function health(one) {
  return one.state === "ready" && one.wrong ? h("span", {}, badge("not well"), " ", h("span", { class: "note" }, one.wrong)) : badge(one.state);
}

function showServices(seen) {
  $("#no-services").hidden = known(seen.services);
  rows($("#services"), seen.services ?? [], (one) => one.name, (one) => [one.name, health(one), n(known(one.pid) ? String(one.pid) : DASH), n(count(one.restarts)), n(known(one.running) ? count(one.running) : ""), n(known(one.running) ? rate(one.begun_per_s) : "")], "None");
  const flower = $("#flower");
  flower.hidden = !(seen.services ?? []).some((one) => one.name === "flower" && one.state === "ready");
  flower.href = `http://${location.hostname}:${seen.farm.flower_port}/`;
}

function showQueues(seen) {
  const mailboxes = (seen.mailboxes ?? []).map((one) => ({ name: `mailbox ${one.shard}`, ...one }));
  const all = [...mailboxes, ...(seen.queues ?? []).map((one) => ({ ...one, name: `queue ${one.name}`, lag_s: null }))];
  const most = Math.max(10, ...all.map((one) => one.depth));
  rows($("#queues"), all, (one) => one.name, (one) => [one.name, n(count(one.depth)), h("span", { class: "bar", "data-share": (one.depth / most).toFixed(3) }, h("span", { class: "fill" })), n(known(one.lag_s) ? `${one.lag_s.toFixed(1)} s` : "")], "Redis cannot be read");
  for (const bar of document.querySelectorAll("#queues .bar")) { const fill = bar.firstChild; fill.style.width = `${bar.dataset.share * 100}%`; fill.style.display = "block"; }
}

function showFeed({ feed }) {
  const place = $("#feed"), told = JSON.stringify(feed);
  if (place.dataset.told === told) return;
  place.dataset.told = told;
  if (!feed) { put(place, h("p", { class: "note" }, "The feed has said nothing for ten seconds.")); return; }
  const list = h("dl", { class: "pairs one" });
  pairs(list, [["State", badge(feed.ready ? "ready" : "starting")], ["Hears", `${feed.subscribed} of ${feed.symbols} symbols over ${many(feed.connections, "connection")}`], ...(feed.shards > 1 ? [["Shards", `${feed.shards} by ${many(feed.feeds, "feed")}${feed.silent.length ? `; nobody hears ${feed.silent.join(", ")}` : ""}`]] : []), ["Silent symbols", feed.stale.join(", ") || "none"], ["Refused symbols", feed.refused.join(", ") || "none"], ["The venue's clock", known(feed.offset_ms) ? `${feed.offset_ms.toFixed(0)} ms from ours` : DASH]]);
  put(place, list);
}

function showTasks(seen) {
  rows($("#tasks"), seen.tasks, (one) => one.task, (one) => [h("span", { class: "mono" }, one.task.replace(/^tasks\./, "")), n(rate(one.per_s)), n(count(one.succeeded)), n(count(one.retried)), n(h("span", { class: one.failed ? "loss" : "" }, count(one.failed))), n(count(one.other))], "No worker of this machine has counted anything");
}

function showCounters(seen) {
  const counters = Object.entries(seen.counters ?? {}).sort(([a], [b]) => a.localeCompare(b));
  pairs($("#counters"), [...counters.map(([name, value]) => [NAMES[name] ?? name.replaceAll("_", " "), count(value)]), ...seen.pauses.map((told) => ["venue", told])]);
}

function showSignals({ totals }) {
  const list = $("#signals");
  if (!totals) { pairs(list, [["Nothing", "could be read"]]); return; }
  const of = (counts, kind) => Object.entries(counts).sort(([, a], [, b]) => b - a).map(([name, value]) => [`${kind} ${name.replaceAll("_", " ").toLowerCase()}`, count(value)]);
  pairs(list, [...of(totals.signals, "signals to"), ...of(totals.refusals, "refused by"), ...of(totals.orders, "orders")]);
}

onStatus((seen) => { showSignals(seen); showFigures(seen); showServices(seen); showQueues(seen); showFeed(seen); showTasks(seen); showCounters(seen); });
