// What the page shows, out of plain values. Text from the network goes into text nodes only.

import { bitRate, bytes, count, protocol, rate, utc } from './page_data.js';

const SVG = 'http://www.w3.org/2000/svg';

// el('td.number', 'text'), el('tr', [cells])
export function el(what, content = '') {
  const [tag, ...classes] = what.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  for (const part of Array.isArray(content) ? content : [content]) {
    node.append(part instanceof Node ? part : String(part));
  }
  return node;
}

// What stands there already is left alone where nothing has changed: a reader's place and selection stay.
const shown = new WeakMap();
export function show(place, nodes) {
  const fresh = el('div', nodes);
  const mark = fresh.textContent + fresh.querySelectorAll('*').length;
  if (shown.get(place) === mark) return;
  shown.set(place, mark);
  place.replaceChildren(...fresh.childNodes);
}

// columns: [title, cell(row) -> text or node, number?]; the first is the row's heading. Roles are spelt out since a narrow
// screen shows rows as blocks, which no longer are a table by themselves.
export function table(caption, columns, rows, lossy = () => false) {
  const head = columns.map(([title, , number]) => {
    const th = el(number ? 'th.number' : 'th', title);
    th.scope = 'col';
    th.setAttribute('role', 'columnheader');
    return th;
  });
  const body = rows.map((row) => {
    const cells = columns.map(([title, cell, number], i) => {
      const node = el((i ? 'td' : 'th') + (number ? '.number' : ''), cell(row));
      if (!i) node.scope = 'row';
      node.dataset.title = title;
      node.setAttribute('role', i ? 'cell' : 'rowheader');
      return node;
    });
    return el(lossy(row) ? 'tr.lossy' : 'tr', cells);
  });
  const node = el('table', [el('thead', el('tr', head)), el('tbody', body)]);
  node.setAttribute('role', 'table');
  for (const part of node.querySelectorAll('thead, tbody')) part.setAttribute('role', 'rowgroup');
  for (const part of node.querySelectorAll('tr')) part.setAttribute('role', 'row');
  node.setAttribute('aria-label', caption);
  return node;
}

export function scrolling(node) {
  const box = el('div.scroll', node);
  box.tabIndex = 0;
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', node.getAttribute('aria-label'));
  return box;
}

// ---- Keys and estimates ----

const host = (ip, port) => (port === undefined ? String(ip) : String(ip).includes(':') ? '[' + ip + ']:' + port : ip + ':' + port);

export function keyColumns(fields) {
  const has = (name) => fields.includes(name);
  const columns = [];
  for (const [side, title] of [['src', 'source'], ['dst', 'destination']]) {
    const ip = side + '_ip', port = side + '_port';
    if (has(ip)) columns.push([title, (row) => host(row[ip], has(port) ? row[port] : undefined)]);
    else if (has(port)) columns.push([title + ' port', (row) => row[port]]);
  }
  if (has('protocol')) columns.push(['protocol', (row) => protocol(row.protocol)]);
  if (has('vlan')) columns.push(['VLAN', (row) => row.vlan || 'none']);
  return columns;
}

const FIELDS = { src_ip: 'source', dst_ip: 'destination', src_port: 'source port', dst_port: 'destination port', vlan: 'VLAN' };
export const fieldWords = (fields) => fields.map((name) => FIELDS[name] || name).join(', ');

export function share(part, whole) {
  if (!whole) return '-';
  const percent = Math.min(100, 100 * part / whole);
  const fill = el('i');
  fill.style.width = percent + '%';
  return el('span', [el('span.bar', fill), el('span.percent', percent.toFixed(1) + ' %')]);
}

// "1,234", or with its bounds: "1,234 (1,200 to 1,268)".
export function bounded(value, low, high, text = count) {
  return low === value && high === value ? text(value) : text(value) + ' (' + text(low) + ' to ' + text(high) + ')';
}

export function taskColumns(task, ledger) {
  const columns = keyColumns(task.fields);
  if (task.kind === 'super_spreader') {
    return [...columns, ['distinct ' + fieldWords(task.elements), (row) => bounded(row.spread, row.low ?? row.spread, row.high ?? row.spread), true]];
  }
  const packets = (row) => bounded(row.packets, row.packets - (row.error_packets || 0), row.packets);
  const size = (row) => bounded(row.bytes, row.bytes - (row.error_bytes || 0), row.bytes, bytes);
  return [...columns, ['packets', packets, true], ['bytes', size, true], ['share', (row) => share(row.bytes, ledger.ip_bytes), true]];
}

// ---- Charts ----

function shape(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// The next of 1, 2, 5, 10, 20, ... above.
function above(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return power * [1, 2, 5, 10].find((step) => step * power >= value || step === 10);
}

// points: [{at (ms), value, lost}] at most `step` ms apart; further apart, nothing was measured in between.
export function chart(place, name, points, step, from, to) {
  const text = name === 'bits/s' ? bitRate : rate;
  const width = Math.max(200, place.clientWidth), height = Math.max(100, place.clientHeight);
  const bottom = height - 20, top = 16;
  const highest = Math.max(0, ...points.map((p) => p.value)), most = above(highest);
  const x = (at) => (to > from ? (at - from) / (to - from) : 1) * (width - 8) + 4;
  const y = (value) => bottom - value / most * (bottom - top);
  const svg = shape('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img' });
  const last = points.at(-1);
  svg.append(shape('title', {}, last
    ? `${name}: now ${text(last.value)}, highest ${text(highest)}, ${utc(from)} to ${utc(to)} UTC` : `${name}: no data`));
  for (const value of [0, most / 2, most]) {
    svg.append(shape('line', { x1: 0, x2: width, y1: y(value), y2: y(value), class: 'grid' }));
    if (last && value) svg.append(shape('text', { x: 2, y: y(value) - 3 }, text(value)));
  }
  if (!last) svg.append(shape('text', { x: width / 2, y: height / 2, 'text-anchor': 'middle' }, 'no data yet'));
  let run = [];
  const end = () => {
    const line = run.map((p) => `${x(p.at).toFixed(1)},${y(p.value).toFixed(1)}`).join(' L');
    if (run.length > 1) {
      svg.append(shape('path', { d: `M${x(run[0].at)},${bottom} L${line} L${x(run.at(-1).at)},${bottom}Z`, class: 'area' }),
        shape('path', { d: 'M' + line, class: 'curve' }));
    } else if (run.length) {
      svg.append(shape('circle', { cx: x(run[0].at), cy: y(run[0].value), r: 3, class: 'dot' }));
    }
    run = [];
  };
  for (const p of points) {
    if (run.length && p.at - run.at(-1).at > 1.5 * step) end();
    run.push(p);
    if (p.lost) svg.append(shape('rect', { x: x(p.at) - 2, y: bottom - 1, width: 4, height: 6, class: 'loss' }));
  }
  end();
  if (last) {
    svg.append(shape('text', { x: 2, y: height - 4 }, utc(from, to - from > 864e5)),
      shape('text', { x: width - 2, y: height - 4, 'text-anchor': 'end' }, utc(to, to - from > 864e5) + ' UTC'));
  }
  place.replaceChildren(svg);
}
