// A list that can be filtered, sorted, turned over and exported; what is asked for stands in the address.
import { $, api, count, every, h, n, put, rows } from "./core.js";

const SIZE = 50;

export function listing({ path, filters, columns, key, sort, empty }) {
  const wanted = new URLSearchParams(location.search);
  const form = $("#filters"), table = $("#listing");

  const value = (name) => wanted.get(name) ?? "";
  function set(changes) {
    for (const [name, to] of Object.entries(changes)) { if (to) wanted.set(name, to); else wanted.delete(name); }
    history.replaceState(null, "", `?${wanted}`);
    again();
  }
  function query() {
    const asked = new URLSearchParams();
    for (const [name, to] of wanted) if (name !== "part") asked.set(name, filters.find((one) => one.name === name)?.type === "datetime-local" ? `${to}:00Z`.replace(/(:\d\d:\d\d):00Z$/, "$1Z") : to);
    return asked;
  }

  put(form, ...filters.map((one) => {
    const id = `filter-${one.name}`;
    const field = one.options
      ? h("select", { id }, h("option", { value: "" }, "all"), ...one.options.map((option) => h("option", { value: option, selected: option === value(one.name) }, option.replaceAll("_", " "))))
      : h("input", { id, type: one.type ?? "text", value: value(one.name), placeholder: one.placeholder, autocomplete: "off", maxlength: 64 });
    field.addEventListener(one.options ? "change" : "input", () => { clearTimeout(form.timer); form.timer = setTimeout(() => set({ [one.name]: field.value.trim(), part: "" }), one.options ? 0 : 300); });
    return h("p", { class: "field" }, h("label", { for: id }, one.label), field);
  }), h("button", { type: "button", onclick: () => location.assign(location.pathname) }, "Clear"));
  form.addEventListener("submit", (event) => event.preventDefault());

  const by = () => wanted.get("sort") ?? sort;
  const falls = () => wanted.get("descending") !== "false";
  function heads() {
    put($("thead tr", table), ...columns.map((column) => {
      const of = { scope: "col", class: column.n ? "n" : null };
      if (!column.sort) return h("th", of, column.label);
      const mine = by() === column.sort;
      const arrow = mine ? h("span", { "aria-hidden": "true" }, falls() ? "↓" : "↑") : "";
      return h("th", { ...of, "aria-sort": mine ? (falls() ? "descending" : "ascending") : "none" },
        h("button", { type: "button", id: `sort-${column.sort}`, onclick: () => { set({ sort: column.sort, descending: mine && falls() ? "false" : "", part: "" }); heads(); document.getElementById(`sort-${column.sort}`).focus(); } }, column.label, arrow));
    }));
  }

  async function show() {
    const part = Number(value("part") || 0), asked = query();
    $("#export").href = `/api/v1${path}.csv?${asked}`;
    asked.set("limit", SIZE);
    asked.set("offset", part * SIZE);
    const page = await api(`${path}?${asked}`);
    rows(table, page.rows, key, (row) => columns.map((column) => (column.n ? n(column.cell(row)) : column.kind ? [column.cell(row), column.kind] : column.cell(row))), empty);
    $("#total").textContent = `${count(page.total)}${page.total >= 10000 ? " or more" : ""} found`;
    $("#part").textContent = page.rows.length ? `${part * SIZE + 1}–${part * SIZE + page.rows.length}` : "";
    $("#newer").disabled = part === 0;
    $("#older").disabled = (part + 1) * SIZE >= page.total && page.rows.length < SIZE;
  }
  const turn = (by) => set({ part: String(Math.max(0, Number(value("part") || 0) + by)) });
  $("#newer").addEventListener("click", () => turn(-1));
  $("#older").addEventListener("click", () => turn(1));
  heads();
  const again = every(5, show, (error) => { $("#total").textContent = error.message; });
}
