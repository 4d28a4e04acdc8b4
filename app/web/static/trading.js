// Halt, reduce, resume, flatten: asked for with a reason, in a dialog that says what will happen.
import { $, api, h, toast } from "./core.js";

const ACTS = {
  halt: ["Halt trading", "Open entries are withdrawn. Only stops, targets and exits that a person asks for go on, until somebody resumes.", "Halt", "danger"],
  reduce: ["Reduce", "Nothing is entered any more; what is open is left by its strategy, stops and targets.", "Reduce", ""],
  resume: ["Resume trading", "Entries are allowed again. If the breaker has tripped, losses count from today's equity on.", "Resume", ""],
  flatten: ["Flatten", "Trading is halted, and all that open trades hold is sold at the market's price.", "Halt and sell everything", "danger"],
};

export function ask(act) {
  const [title, told, word, kind] = ACTS[act];
  const reason = h("input", { id: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: "Why; it is audited" });
  const by = h("input", { id: "by", maxlength: 40, autocomplete: "name", placeholder: "Who you are", value: localStorage.getItem("by") ?? "" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const go = h("button", { type: "submit", class: `strong ${kind}` }, word);
  const leave = h("button", { type: "button", onclick: () => box.close() }, "Cancel");
  const form = h("form", { method: "dialog" }, h("h2", { id: "ask-title" }, title), h("p", { id: "ask-told" }, told),
    h("p", { class: "field" }, h("label", { for: "reason" }, "Reason"), reason),
    h("p", { class: "field" }, h("label", { for: "by" }, "Your name"), by),
    wrong, h("div", { class: "buttons" }, leave, go));
  const box = h("dialog", { "aria-labelledby": "ask-title", "aria-describedby": "ask-told" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!reason.value.trim()) { wrong.textContent = "Say why; it is audited."; reason.focus(); return; }
    go.disabled = true;
    go.setAttribute("aria-busy", "true");
    go.textContent = "…";
    wrong.textContent = "";
    try {
      localStorage.setItem("by", by.value.trim());
      const done = await api(`/trading/${act}`, { method: "POST", body: { reason: reason.value, by: by.value } });
      box.close();
      toast(told_of(done));
    } catch (error) {
      wrong.textContent = error.message;
      go.disabled = false;
      go.removeAttribute("aria-busy");
      go.textContent = word;
    }
  });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  reason.focus();
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
