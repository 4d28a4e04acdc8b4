// Dead letters are run again or discarded: first what it would do, then who and why.
import { asking } from "./asking.js";
import { api, badge, count, h, many, toast } from "./core.js";

const SHOWN = 20;

/** `wanted` is { letters: [{ number, times }] } or { kind }; `done` is called when something has changed. */
export async function askRerun(wanted, done) {
  const planned = (await api("/dead-letters/rerun", { method: "POST", body: { ...wanted, dry_run: true } })).rows;
  const going = planned.filter((one) => !one.refused);
  if (!going.length) return tellRefused(planned);
  const left = planned.length - going.length;
  asking({
    title: `Run ${many(going.length, "failed task")} again`,
    told: `Each goes on with the rest of its chain, once.${left ? ` ${count(left)} of ${count(planned.length)} cannot be run again.` : ""}`,
    word: "Run again",
    content: listed(planned),
    act: async (why) => {
      const letters = going.map(({ number, times }) => ({ number, times }));
      const rows = (await api("/dead-letters/rerun", { method: "POST", body: { ...why, letters } })).rows;
      toast(told_of(rows, "run again"));
      done();
    },
  });
}

export function askDiscard(wanted, told, done) {
  asking({
    title: "Discard",
    told: `${told} will wait no more; nothing is run. What still stands still is swept as before.`,
    word: "Discard",
    kind: "danger",
    act: async (why) => {
      const rows = (await api("/dead-letters/discard", { method: "POST", body: { ...why, ...wanted } })).rows;
      toast(told_of(rows, "discarded"));
      done();
    },
  });
}

function listed(planned) {
  const sorted = [...planned].sort((one, other) => Number(Boolean(one.refused)) - Number(Boolean(other.refused)));
  const items = sorted.slice(0, SHOWN).map((one) => h("li", {}, badge(one.refused ? "refused" : one.doubt ? "doubtful" : "worth it"),
    h("span", { class: "mono" }, ` ${one.number} ${one.name.replace(/^tasks\./, "")} `), one.refused || [one.does, one.doubt && `but ${one.doubt}`].filter(Boolean).join(", ")));
  if (sorted.length > SHOWN) items.push(h("li", { class: "note" }, `and ${count(sorted.length - SHOWN)} more`));
  return h("ul", { class: "plans", tabindex: "0", "aria-label": "What it would do" }, ...items);
}

function tellRefused(planned) {
  const leave = h("button", { type: "button", class: "strong", onclick: () => box.close() }, "Close");
  const box = h("dialog", { "aria-labelledby": "ask-title" }, h("h2", { id: "ask-title" }, "Nothing of it can be run again"), listed(planned), h("div", { class: "buttons" }, leave));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  leave.focus();
}

function told_of(rows, word) {
  const refused = rows.filter((one) => one.refused);
  const parts = [`${many(rows.length - refused.length, "failed task")} ${word}.`];
  if (refused.length === 1) parts.push(`${refused[0].number} was not: ${refused[0].refused}.`);
  else if (refused.length) parts.push(`${count(refused.length)} were not; each tells why when it is asked for alone.`);
  return parts.join(" ");
}
