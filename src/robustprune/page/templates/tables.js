// Tables with the attribute data-sortable get a button in each heading that sorts, and a field that filters their rows.
(() => {
  "use strict";
  const FEW = 6;

  // The number that a text begins with; null for a text that begins with none.
  function number(text) {
    const found = /^[<>]?\s*([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)/i.exec(text.replace("\u2212", "-"));
    return found ? Number(found[1].replaceAll(",", "")) : null;
  }

  function compare(one, other) {
    const [a, b] = [number(one), number(other)];
    if (a !== null && b !== null && a !== b) return a - b;
    if ((a === null) !== (b === null)) return a === null ? 1 : -1;
    return one.localeCompare(other, "en", { numeric: true });
  }

  function sort(table, column, heading) {
    const rising = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].map((row) => [row.cells[column].textContent.trim(), row]);
    const missing = (text) => text === "-" || text === "";
    rows.sort(([a], [b]) => missing(a) - missing(b) || (missing(a) ? 0 : (rising ? 1 : -1) * compare(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  // The rows that hold every word of a text.
  function holding(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (row) => words.every((word) => row.textContent.toLowerCase().includes(word));
  }

  function filter(table, meant, count) {
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = !meant(row);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${table.tBodies[0].rows.length} rows`;
  }

  let cells = null;
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      if (heading.hasAttribute("data-fixed")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, column, heading));
      heading.append(button);
    });
    if (table.tBodies[0].rows.length < FEW) continue;
    const region = table.parentElement;
    const label = document.createElement("label"), field = document.createElement("input"), count = document.createElement("output");
    label.className = "search";
    field.type = "search";
    field.setAttribute("aria-label", `Search in: ${region.getAttribute("aria-label")}`);
    label.append("Search ", field, " ", count);
    field.addEventListener("input", () => filter(table, holding(field.value), count));
    region.before(label);
    filter(table, holding(""), count);
    if (table.id === "cells") cells = { table, field, count };
  }

  // A link to cells filters their table; without scripts it leads to the whole table.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-cells]");
    if (!link || !cells) return;
    event.preventDefault();
    const { cells: begins, part } = link.dataset;
    filter(cells.table, ({ cells: [cell, of] }) => cell.textContent.startsWith(begins) && of.textContent === part, cells.count);
    cells.field.value = begins;
    cells.field.focus({ preventScroll: true });
    document.getElementById("cells-title").scrollIntoView();
  });
})();
