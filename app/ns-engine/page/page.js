// The live page: asks the engine what was measured, then follows its events.

import { ApiError, ago, ask, bitRate, bytes, count, listen, losses, lostPackets, rate, token, utc } from './page_data.js';
import { bounded, chart, el, fieldWords, scrolling, show, table, taskColumns } from './page_views.js';

const ROWS = 10;
const POINTS = 180;            // of a chart, about
const LEAST_PAUSE_MS = 3000;   // between two refreshes; a store that is slow is asked less often
const PROBES_AGAIN_MS = 60000; // which probes there have ever been

const $ = (id) => document.getElementById(id);
const ms = (ns) => ns / 1e6;
const nameOf = (o) => (o.site || o.probe ? o.site + '/' + o.probe : 'this machine');

const state = {
  minutes: 5,
  tasks: [],
  everSeen: new Map(), // probe -> its row of /probes over all times
  seenAt: 0,
  recent: new Map(),   // probe -> its row over the range
  latest: new Map(),   // probe -> its newest epoch event
  ledger: null,
  buckets: new Map(),  // start in ms -> {packets, bytes, lost, probes}
  step: 10000,
  range: [0, 0],       // ms; of "all that is stored"
  historyAt: 0, heard: 0,
  dirty: true, busy: false, again: false, notBefore: 0, following: false, live: false, lostAt: 0, fault: '',
};

function say(kind, text) {
  $('status').className = kind;
  if ($('status').textContent !== text) $('status').textContent = text;
}

const scope = () => (state.minutes ? { from: '-' + state.minutes + 'm' } : {});

// ---- Probes ----

const endOf = (row) => ms(row.last_stored_ns || row.last_start_ns + row.period_ns);

// What is heard live counts as of its arrival: the browser's clock need not be the engine's.
function probeState(row) {
  const event = state.latest.get(nameOf(row));
  const since = Date.now() - (event ? event.heardAt : endOf(row));
  if (!row.period_ns && !event) return { words: 'a capture', rank: 3, kind: '' };
  if (since < 3 * ms(row.period_ns || event.period_ns) + 10000) return { words: 'measuring', rank: 2, kind: 'good' };
  if (since > 864e5) return { words: 'gone for ' + ago(since), rank: 4, kind: 'note' };
  return { words: 'silent for ' + ago(since), rank: 0, kind: 'bad' };
}

function probeRows() {
  const rows = [...state.everSeen.values()].map((row) => {
    const recent = state.recent.get(nameOf(row)), event = state.latest.get(nameOf(row));
    const lost = recent ? lostPackets(recent.ledger) : 0;
    const missing = recent ? recent.ledger.missing_snapshots + recent.ledger.incomplete_epochs : 0;
    const own = probeState(row);
    return { name: nameOf(row), row, recent, event, lost, missing, own,
      rank: own.rank === 2 && (lost || missing) ? 1 : own.rank };
  });
  return rows.sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function speed(probe, name, text, factor) {
  const period = probe.event && probe.event.period_ns / 1e9;
  return period && probe.own.rank === 2 ? text(factor * probe.event[name] / period) : '-';
}

function showProbes() {
  const rows = probeRows();
  if (!rows.length) {
    $('probes-note').textContent = '';
    return show($('probes'), el('p', 'No probe has been heard of yet.'));
  }
  const number = (test, words) => (rows.filter(test).length ? ', ' + count(rows.filter(test).length) + ' ' + words : '');
  $('probes-note').textContent = count(rows.length) + (rows.length === 1 ? ' probe' : ' probes') +
    number((p) => p.own.rank === 2, 'measuring') + number((p) => p.own.rank === 0, 'silent') +
    number((p) => p.lost || p.missing, 'with losses in the time shown');
  const flag = (n, words) => (n ? el('span.bad', count(n) + words) : '0');
  show($('probes'), table('Probes', [
    ['probe', (p) => p.name],
    ['state', (p) => el('span.' + (p.own.kind || 'note'), p.own.words)],
    ['packets/s', (p) => speed(p, 'packets', rate, 1), true],
    ['bits/s', (p) => speed(p, 'bytes', bitRate, 8), true],
    ['lost packets', (p) => (p.recent ? flag(p.lost, ' LOST') : '-'), true],
    ['missing snapshots', (p) => (p.recent ? flag(p.recent.ledger.missing_snapshots, ' MISSING') : '-'), true],
    ['gaps', (p) => (p.recent && p.recent.gaps ? el('span.warn', count(p.recent.gaps)) : p.recent ? '0' : '-'), true],
    ['last epoch (UTC)', (p) => utc(ms(Math.max(p.row.last_start_ns, p.event ? p.event.start_ns : 0)), true), true],
  ], rows, (p) => p.lost || p.missing || p.own.rank === 0));
}

// ---- Traffic ----

function addEpoch(event) {
  const at = Math.floor(ms(event.start_ns) / state.step) * state.step;
  const bucket = state.buckets.get(at) || { packets: 0, bytes: 0, lost: 0, probes: new Set() };
  bucket.packets += event.packets || 0;
  bucket.bytes += event.bytes || 0;
  bucket.lost += (event.lost || 0) + (event.missing_snapshots || 0) + (event.faults || 0);
  bucket.probes?.add(nameOf(event));
  state.buckets.set(at, bucket);
}

// The newest bucket would be too low as long as some probe's epoch is still to come.
function whole(points) {
  const newest = points.at(-1);
  if (!newest || !newest.probes) return points;
  const measuring = probeRows().filter((p) => p.own.rank === 2 || p.own.rank === 1).length;
  const longer = state.step > 1.5 * Math.max(0, ...[...state.latest.values()].map((e) => ms(e.period_ns)));
  return newest.probes.size < measuring || longer ? points.slice(0, -1) : points;
}

function showTraffic() {
  const newest = Math.max(0, ...state.buckets.keys());
  const to = state.minutes ? Math.max(newest, Date.now() - 2 * state.step) : state.range[1];
  const from = state.minutes ? to - state.minutes * 60000 : state.range[0];
  for (const at of state.buckets.keys()) if (at < from - state.step) state.buckets.delete(at);
  const points = whole([...state.buckets].sort(([a], [b]) => a - b).map(([at, b]) => ({ at, ...b })));
  const last = points.at(-1), seconds = state.step / 1000;
  for (const [id, name, value, text] of [
    ['bits', 'bits/s', (p) => p.bytes * 8 / seconds, bitRate], ['packets', 'packets/s', (p) => p.packets / seconds, rate]]) {
    $(id + '-now').textContent = last ? text(value(last)) : '';
    chart($(id), name, points.map((p) => ({ at: p.at, value: value(p), lost: p.lost })), state.step, from, to);
  }
  $('rate-note').textContent = last
    ? `All probes together, ${ago(state.step)} a point. What came before this page was opened: packets that are in records; since then: all that were received.` : '';
}

function showLosses() {
  const time = state.minutes ? $('range').selectedOptions[0].textContent : 'all that is stored';
  if (!state.ledger) return show($('losses'), []);
  if (!state.ledger.epochs) return show($('losses'), el('p', `Nothing was measured in ${time}.`));
  const { lost, known } = losses(state.ledger);
  if (lost.length) {
    return show($('losses'), [el('p.bad', `Lost in ${time}:`), el('ul', lost.map((text) => el('li', text)))]);
  }
  show($('losses'), known ? el('p.good', `Nothing was lost in ${time}.`) : el('p.warn', 'The engine does not say what was lost.'));
}

// ---- Alerts ----

function showAlerts(rows) {
  const firing = rows.filter((a) => a.state === 'firing'), pending = rows.filter((a) => a.state === 'pending');
  const line = (a) => el('li', [el(a.state === 'firing' ? 'span.bad' : 'span.warn', `${a.state} (${a.severity})`),
    ` since ${utc(ms(a.since_ns), true)} UTC: ${a.summary}`]);
  document.title = (firing.length ? `(${firing.length}) ` : '') + 'NetSpectra';
  show($('alerts-body'), firing.length + pending.length ? el('ul', [...firing, ...pending].slice(0, 50).map(line))
    : el('p.note', 'No alert is firing.'));
}

// ---- Tasks ----

const KINDS = { exact: 'exact', heavy_hitters: 'heavy hitters', super_spreader: 'super spreaders', cardinality: 'distinct keys' };

function accuracy(task, answer) {
  if (task.kind === 'exact') return '';
  const estimate = (answer.estimates || [])[0] || {};
  const unit = task.kind === 'super_spreader' ? (n) => count(n) + ' distinct'
    : (task.options || {}).by === 'bytes' ? bytes : (n) => count(n) + ' packets';
  const from = estimate.threshold ? `; listed from ${unit(estimate.threshold)} on` : '';
  const exact = answer.rows.every((row) => !row.error_packets && !row.error_bytes);
  if (estimate.standard_error) {
    return `${from}; estimated, standard error ±${(100 * estimate.standard_error).toPrecision(2)} %, in brackets two of it to either side`;
  }
  return from + (exact ? '; exact' : '; the truth lies within the brackets');
}

function taskView(task, answer) {
  if (task.kind === 'cardinality') {
    const row = answer.rows[0];
    return [el('p.big', row ? bounded(row.cardinality, row.low ?? row.cardinality, row.high ?? row.cardinality) : '-')];
  }
  if (!answer.rows.length) return [el('p.note', task.kind === 'exact' ? 'No traffic.' : 'No key reaches the threshold.')];
  const overflow = answer.ledger && answer.ledger.overflow_packets;
  return [scrolling(table(task.name, taskColumns(task, answer.ledger || {}), answer.rows)),
    ...(overflow ? [el('p.bad', count(overflow) + ' packets are of keys that found no room in the table.')] : [])];
}

async function taskNodes(task) {
  const title = [el('h3', task.name)];
  try {
    const answer = await ask('top', { task: task.name, limit: ROWS, ...scope() });
    const about = `${KINDS[task.kind] || task.kind}${task.fields.length ? ' by ' + fieldWords(task.fields) : ''}${accuracy(task, answer)}`;
    return [...title, el('p.note', about), ...taskView(task, answer)];
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 401) throw error;
    return [...title, el('p.warn', error.message)];
  }
}

// A store that cannot be asked still has events.
function topOfEvents() {
  const newest = [...state.latest.values()].sort((a, b) => b.start_ns - a.start_ns)[0];
  const rows = newest && Array.isArray(newest.top) ? newest.top : [];
  if (!rows.length) return [];
  const fields = ['src_ip', 'src_port', 'dst_ip', 'dst_port', 'protocol', 'vlan'].filter((name) => name in rows[0]);
  return [el('p.note', `The newest epoch of ${nameOf(newest)}`),
    scrolling(table('Top talkers', taskColumns({ fields, kind: 'exact' }, { ip_bytes: newest.bytes }), rows))];
}

async function showTasks() {
  const known = new Map(state.tasks.map((task) => [task.name, task])); // the newest of each name
  const first = [...known.values()].find((task) => task.kind === 'exact' && !task.derived_from) ||
    [...known.values()].find((task) => task.kind === 'exact');
  const nothing = el('p.note', 'Nothing is stored for this time.');
  show($('top'), first ? await taskNodes(first) : topOfEvents().length ? topOfEvents() : nothing);
  const others = [];
  for (const task of known.values()) if (task !== first) others.push(el('div', await taskNodes(task)));
  show($('tasks'), others.length ? others : el('p.note', first ? 'There is no other task.' : 'Nothing is stored for this time.'));
}

// ---- Asking and following ----

async function readHistory() {
  state.historyAt = Date.now();
  const exact = state.tasks.find((task) => task.kind === 'exact');
  const ledger = state.ledger || {};
  const span = state.minutes ? state.minutes * 60000 : ms((ledger.last_end_ns || 0) - (ledger.first_start_ns || 0));
  const period = Math.max(1000, ...[...state.recent.values()].map((row) => ms(row.period_ns)));
  state.range = [ms(ledger.first_start_ns || 0), ms(ledger.last_end_ns || 0)];
  state.step = period * Math.max(1, Math.ceil(span / period / POINTS));
  state.buckets.clear();
  if (!exact || !(span > 0)) return;
  let answer;
  for (let tries = 0; tries < 3; tries += 1) { // an epoch that comes meanwhile may be in it or not
    state.heard = 0;
    answer = await ask('aggregate', { task: exact.name, by: 'none', order: 'time', limit: 2000,
      bucket: Math.round(state.step) + 'ms', ...scope() });
    if (!state.heard) break;
  }
  state.buckets.clear();
  for (const row of answer.rows) state.buckets.set(ms(row.start_ns), { packets: row.packets, bytes: row.bytes, lost: 0 });
}

async function refresh(history) {
  const [tasks, probes, alerts] = [await ask('tasks', scope()), await ask('probes', scope()), await ask('alerts')];
  state.tasks = tasks.rows;
  state.ledger = probes.ledger;
  history ||= !state.minutes && Date.now() - state.historyAt > PROBES_AGAIN_MS; // events are not added to all that is stored
  state.recent = new Map(probes.rows.map((row) => [nameOf(row), row]));
  if (Date.now() - state.seenAt > PROBES_AGAIN_MS || history) {
    // Over all time once only: the answer takes as long as there are books.
    const since = state.everSeen.size ? { from: '-7d' } : {};
    for (const row of (await ask('probes', since)).rows) state.everSeen.set(nameOf(row), row);
    state.seenAt = Date.now();
  }
  for (const [name, row] of state.recent) state.everSeen.set(name, row);
  // A store that was filled earlier, from a capture for instance, has something to show all the same.
  if (history && state.minutes === 5 && !state.tasks.length && state.everSeen.size && !state.chosen) {
    $('range').value = '0';
    state.minutes = 0;
    return refresh(true);
  }
  if (history) await readHistory();
  showAlerts(alerts.rows);
  showTraffic();
  showLosses();
  showProbes();
  await showTasks();
}

async function keepFresh(history = false) {
  if (state.busy) { state.again = state.again || history; return; }
  state.busy = true;
  state.dirty = false;
  const began = Date.now();
  try {
    await refresh(history);
    if (state.fault) { state.fault = ''; if (state.live) say('live', 'live'); }
  } catch (error) {
    if (error.status === 401) return wantToken(error);
    state.fault = error.message;
    say('lost', 'cannot ask the engine: ' + error.message);
    showProbes();
    show($('top'), topOfEvents());
  } finally {
    state.busy = false;
    state.notBefore = Date.now() + Math.max(LEAST_PAUSE_MS, 4 * (Date.now() - began));
    if (state.again) { state.again = false; state.dirty = false; keepFresh(true); }
  }
}

function onEvent(name, value) {
  if (name === 'epoch') {
    const old = state.latest.get(nameOf(value));
    value.heardAt = Date.now();
    if (!old || value.start_ns >= old.start_ns) state.latest.set(nameOf(value), value);
    if (!state.everSeen.has(nameOf(value))) {
      state.everSeen.set(nameOf(value), { site: value.site, probe: value.probe, period_ns: value.period_ns, last_start_ns: value.start_ns });
    }
    if (state.minutes) addEpoch(value);
    state.heard += 1;
  }
  if (name === 'missed') keepFresh(true);
  state.dirty = true;
}

async function follow() {
  if (state.following) return;
  state.following = true;
  for (let pause = 1000; ; pause = Math.min(2 * pause, 30000)) {
    try {
      await listen(() => {
        pause = 500;
        state.live = true;
        say('live', 'live');
        keepFresh(true); // with what came while nobody listened
      }, onEvent);
    } catch (error) {
      if (state.live) state.lostAt = Date.now();
      state.live = false;
      if (error.status === 401) { state.following = false; return wantToken(error); }
      say('lost', 'no connection to the engine; trying again' +
        (state.lostAt ? '. What stands here is of ' + utc(state.lostAt) + ' UTC' : ''));
      if (error instanceof ApiError) keepFresh(!state.ledger); // it answers, but has no room for listeners
    }
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
}

function wantToken(error) {
  say('lost', 'no access');
  if (!$('login').hidden) return;
  $('login').hidden = false;
  $('login-fault').textContent = token.get() ? error.message : '';
  for (const section of document.querySelectorAll('main section')) section.hidden = true;
  $('token').focus();
}

$('login').addEventListener('submit', (submit) => {
  submit.preventDefault();
  token.set($('token').value.trim());
  $('token').value = '';
  $('login').hidden = true;
  for (const section of document.querySelectorAll('main section')) section.hidden = false;
  follow();
});
$('range').addEventListener('change', () => {
  state.minutes = Number($('range').value);
  state.chosen = true;
  keepFresh(true);
});
setInterval(() => {
  if (document.hidden || !$('login').hidden) return;
  if (state.dirty && !state.busy && Date.now() > state.notBefore) keepFresh();
}, 500);
// Ages grow, and charts move on, also when nothing comes.
setInterval(() => { if (!document.hidden && !state.busy) { showProbes(); showTraffic(); } }, 5000);
addEventListener('resize', showTraffic);
follow();
