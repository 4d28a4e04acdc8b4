// Halt, reduce, resume, flatten: asked for with a reason, in a dialog that says what will happen.
import { asking } from "./asking.js";
import { $, api, toast } from "./core.js";

const ACTS = {
  halt: ["Halt trading", "Open entries are withdrawn. Only stops, targets and exits that a person asks for go on, until somebody resumes.", "Halt", "danger"],
  reduce: ["Reduce", "Nothing is entered any more; what is open is left by its strategy, stops and targets.", "Reduce", ""],
  resume: ["Resume trading", "Entries are allowed again. If the breaker has tripped, losses count from today's equity on.", "Resume", ""],
  flatten: ["Flatten", "Trading is halted, and all that open trades hold is sold at the market's price.", "Halt and sell everything", "danger"],
};

export function ask(act) {
  const [title, told, word, kind] = ACTS[act];
  asking({ title, told, word, kind, act: async (why) => toast(told_of(await api(`/trading/${act}`, { method: "POST", body: why }))) });
}

function told_of(done) {
  const parts = [`Trading is ${done.trading_state}.`, done.note];
  if (done.withdrawn) parts.push(`${done.withdrawn} entries withdrawn.`);
  if (done.trades_left !== null) parts.push(done.trades_left ? `${done.trades_left} trades are being sold.` : "Nothing is held.");
  return parts.filter(Boolean).join(" ");
}

export function bind(buttons) {
  buttons.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act) ask(act);
  });
}

/** What makes no sense as things stand cannot be pressed. */
export function allow(buttons, state) {
  const of = (act) => $(`[data-act=${act}]`, buttons);
  of("halt").disabled = !state || state === "HALTED";
  of("reduce").disabled = state !== "ACTIVE";
  of("resume").disabled = !state || state === "ACTIVE";
  of("flatten").disabled = !state;
}
