// Dead letters: tasks that failed for good.
import { $, api, count, every, h, n, rows, when } from "./core.js";

every(3, async () => {
  const page = await api("/dead-letters?limit=200");
  rows($("#listing"), page.rows, (one) => one.number, (one) => [
    n(h("a", { href: `/dead-letters/${one.number}` }, String(one.number))), when(one.last_at, true), n(count(one.times)), h("span", { class: "mono" }, one.name.replace(/^tasks\./, "")), h("span", { class: "mono" }, one.about.slice(0, 24) || "–"),
    [h("span", {}, h("strong", {}, one.kind), ` ${one.error.split("\n")[0]}`), "words"],
  ], "No task has failed for good");
  $("#total").textContent = `${count(page.total)} waiting${page.total > page.rows.length ? `, the newest ${page.rows.length} are shown` : ""}`;
}, (error) => { $("#total").textContent = error.message; });
