// The controls of the explorer set the parameters of its chart; explorer.html holds them, explorer/chart.py the chart.
(() => {
  "use strict";
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const data = read("explorer-data"), spec = read("explorer-spec");
  const form = document.getElementById("explorer-controls");
  const status = document.getElementById("explorer-status");
  const listed = document.querySelector("#explorer-networks tbody");
  const TITLES = { params: "params kept", macs: "multiply-accumulates of the kept network, per image" };
  const WORTHLESS = spec_bound();

  function spec_bound() {
    return Number(/datum\.error <= ([\d.]+)/.exec(JSON.stringify(spec))[1]);
  }

  // Data are columns; texts are codes of distinct values. A row has no key where its value is null.
  function rowsOf(columns) {
    const names = Object.keys(columns), at = ({ values, codes }, place) => values[codes[place]];
    const value = (column, place) => (Array.isArray(column) ? column[place] : at(column, place));
    const first = columns[names[0]];
    return Array.from({ length: (first.codes ?? first).length }, (_, place) =>
      Object.fromEntries(names.map((name) => [name, value(columns[name], place)]).filter(([, found]) => found !== null)));
  }

  const means = rowsOf(data.means), networks = rowsOf(data.networks);
  for (const row of networks) row.command = data.commands[row.part].replace("{cell}", row.cell);
  spec.datasets = { means, networks };

  const chosen = () => Object.fromEntries([...data.choices, "measure"].map((name) => [name, form.elements[name].value]));
  const switched = () => Object.fromEntries(["intervals", "singles", "worthless"].map((name) => [name, form.elements[name].checked]));
  const boxes = [...form.querySelectorAll("input[name=method]")];

  // A choice offers what is there, given the choices before it.
  function offer() {
    let rows = means;
    for (const name of data.choices) {
      const select = form.elements[name], values = [...new Set(rows.map((row) => row[name]))];
      const value = values.includes(select.value) ? select.value : values[0];
      select.replaceChildren(...values.map((text) => new Option(text, text)));
      select.value = value;
      rows = rows.filter((row) => row[name] === value);
    }
    const there = new Set(rows.map((row) => row.method));
    for (const box of boxes) box.parentElement.hidden = !there.has(box.value);
  }

  function list(rows) {
    listed.replaceChildren(
      ...rows.map((row) => {
        const line = document.createElement("tr");
        const numbers = [row.params.toLocaleString("en"), row.macs.toLocaleString("en"), String(row.error)];
        for (const text of [row.method, row.strength, row.seed, row.units, ...numbers, row.status, row.command]) {
          line.insertCell().textContent = text;
        }
        return line;
      }),
    );
    document.getElementById("explorer-count").textContent = `${rows.length} networks`;
  }

  function apply(view) {
    offer();
    const now = { ...chosen(), ...switched() };
    now.methods = boxes.filter((box) => box.checked && !box.parentElement.hidden).map((box) => box.value);
    const meant = (row) => data.choices.every((name) => row[name] === now[name]) && now.methods.includes(row.method);
    const asked = means.filter(meant), shown = asked.filter((row) => now.worthless || row.error <= WORTHLESS);
    const left = asked.length - shown.length;
    status.textContent =
      `${shown.length} strengths of ${new Set(shown.map((row) => row.method)).size} methods` +
      (left ? `; ${left} that err more than ${WORTHLESS} % are left out` : "");
    document.getElementById("explorer-measure").textContent = TITLES[now.measure];
    list(networks.filter((row) => meant(row) && (now.worthless || row.error <= WORTHLESS)));
    for (const [name, value] of Object.entries(now)) view.signal(name, value);
    return view.runAsync();
  }

  offer();
  const start = { ...chosen(), ...switched(), methods: boxes.filter((box) => !box.parentElement.hidden).map((box) => box.value) };
  for (const param of spec.params) if (param.name in start) param.value = start[param.name];
  // errors only: that nothing is left to show is no reason to warn
  const options = { actions: false, renderer: "svg", logLevel: 1, tooltip: { theme: "light" } };
  window.vegaEmbed("#explorer-chart", spec, options).then(({ view }) => {
    form.addEventListener("change", () => apply(view));
    for (const button of form.querySelectorAll("button[data-methods]")) {
      button.addEventListener("click", () => {
        for (const box of boxes) box.checked = button.dataset.methods === "all";
        apply(view);
      });
    }
    return apply(view);
  });
})();
