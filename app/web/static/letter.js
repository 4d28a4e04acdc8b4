// One dead letter: what failed, with what, and what would have come after it.
import { $, api, badge, count, every, h, pairs, put, toast, when } from "./core.js";
import { askDiscard, askRerun } from "./reruns.js";

const number = decodeURIComponent(location.pathname.split("/").pop());
function card(title, ...content) {
  const id = `part-${title.replace(/\W+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id }, h("div", { class: "head" }, h("h2", { id }, title)), ...content);
}
const shown = (value) => h("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2));
const links = (chain) => (Array.isArray(chain) ? [...chain].reverse().map((link) => h("li", { class: "mono" }, link.task ?? "?")) : []);

let told = "";
function buttons(one) {
  if (!["waiting", "failed_again"].includes(one.state)) return [];
  const wanted = { letters: [{ number: one.number, times: one.times }] };
  const act = (ask) => async () => { try { await ask(); } catch (error) { toast(error.message); } };
  return [h("button", { type: "button", onclick: act(() => askRerun(wanted, look)) }, "Run again"),
    h("button", { type: "button", class: "danger", onclick: act(() => askDiscard(wanted, `Dead letter ${one.number}`, look)) }, "Discard")];
}

const look = every(2, async () => {
  const one = await api(`/dead-letters/${encodeURIComponent(number)}`);
  const text = JSON.stringify(one);
  if (text === told) return;
  told = text;
  put($("#name"), `Dead letter ${one.number}: `, h("span", { class: "mono" }, one.name));
  put($("#letter-actions"), ...buttons(one));
  const list = h("dl", { class: "pairs" });
  pairs(list, [["State", badge(one.state)], ["Failed", when(one.at, true)], ["Last failed", when(one.last_at, true)], ["Times", count(one.times)], ["Run again", one.reruns ? `${count(one.reruns)} ×` : "never"], ["What was done", one.note || "–"], ["Attempts", count(one.attempts)], ["Queue", one.queue || "–"], ["Worker", one.worker || "–"], ["About", one.about || "–"], ["Task", one.task_id], ["Root", one.root_id || "–"], ["Parent", one.parent_id || "–"], ["Correlation id", one.correlation_id || "–"]]);
  const chain = links(one.chain);
  put($("#letter"), card("What it is", list), card("Error", h("p", {}, h("strong", {}, one.kind), ` ${one.error}`)), card("Called with", shown(one.args), shown(one.kwargs)),
    card("Links that did not run", chain.length ? h("ol", {}, ...chain) : h("p", { class: "note" }, "None.")),
    one.message ? card("Message as it came", shown(one.message)) : null, one.traceback ? card("Traceback", shown(one.traceback)) : null);
}, (error) => { if (!told) put($("#letter"), h("p", { class: "card empty" }, error.message)); });
