// A dialog that says what will happen, asks for the reason and the name, and stays until it is done or left.
import { h } from "./core.js";

/** `act` is called with { reason, by }; what it throws is shown, and may be tried again. */
export function asking({ title, told, word, kind = "", content = null, act }) {
  const reason = h("input", { id: "reason", required: true, maxlength: 500, autocomplete: "off", placeholder: "Why; it is audited" });
  const by = h("input", { id: "by", maxlength: 40, autocomplete: "name", placeholder: "Who you are", value: localStorage.getItem("by") ?? "" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const go = h("button", { type: "submit", class: `strong ${kind}` }, word);
  const leave = h("button", { type: "button", onclick: () => box.close() }, "Cancel");
  const form = h("form", { method: "dialog" }, h("h2", { id: "ask-title" }, title), h("p", { id: "ask-told" }, told), content,
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
      await act({ reason: reason.value, by: by.value });
      box.close();
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
