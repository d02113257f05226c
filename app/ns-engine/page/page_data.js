// What the page knows of the engine: its API, its stream of events.

const TOKEN = 'netspectra-token';
const SILENCE_MS = 45000; // the engine sends a comment every 15 s

export const token = {
  get: () => sessionStorage.getItem(TOKEN) || '',
  set: (text) => sessionStorage.setItem(TOKEN, text),
};

export class ApiError extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

function headers(accept) {
  return token.get() ? { Accept: accept, Authorization: 'Bearer ' + token.get() } : { Accept: accept };
}

// The engine's own words where it has any.
async function refused(response) {
  let text = 'the engine answers with HTTP status ' + response.status;
  try { text = String((await response.json()).error || text); } catch { /* no JSON */ }
  return new ApiError(response.status, text);
}

export async function ask(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== '')).toString();
  const response = await fetch('/api/v1/' + path + (query && '?' + query),
    { headers: headers('application/json'), cache: 'no-store', signal: AbortSignal.timeout(60000) });
  if (!response.ok) throw await refused(response);
  const answer = await response.json();
  if (!answer || !Array.isArray(answer.rows)) throw new ApiError(0, 'what came is no answer of the engine');
  return answer;
}

// Events until the connection ends, which is an error. Not an EventSource: that cannot send a token.
export async function listen(onOpen, onEvent) {
  const abort = new AbortController();
  let watch;
  const alive = () => { clearTimeout(watch); watch = setTimeout(() => abort.abort(), SILENCE_MS); };
  alive();
  try {
    const response = await fetch('/api/v1/live', { headers: headers('text/event-stream'), cache: 'no-store', signal: abort.signal });
    if (!response.ok) throw await refused(response);
    onOpen();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error('the engine has ended the stream');
      alive();
      text += value;
      const events = text.replaceAll('\r\n', '\n').split('\n\n');
      text = events.pop();
      for (const event of events) deliver(event, onEvent);
    }
  } finally {
    clearTimeout(watch);
    abort.abort();
  }
}

function deliver(block, onEvent) {
  let name = 'message', data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) name = line.slice(6).trim();
    if (line.startsWith('data:')) data += line.slice(5);
  }
  if (!data) return;
  let value;
  try { value = JSON.parse(data); } catch { return; }
  if (value && typeof value === 'object') onEvent(name, value);
}

// ---- Quantities, as people read them ----

export const count = (n) => Number(n || 0).toLocaleString('en-US');

function scaled(n, units, base) {
  let i = 0;
  while (n >= base && i < units.length - 1) { n /= base; i += 1; }
  return (i === 0 || n >= 100 ? n.toFixed(0) : n.toFixed(n >= 10 ? 1 : 2)) + ' ' + units[i];
}
export const bytes = (n) => scaled(Number(n || 0), ['B', 'kB', 'MB', 'GB', 'TB', 'PB'], 1000);
export const bitRate = (n) => scaled(n, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'], 1000);
export const rate = (n) => scaled(n, ['', 'k', 'M', 'G'], 1000).trim();

export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return s + ' s';
  if (s < 7200) return Math.round(s / 60) + ' min';
  return s < 172800 ? Math.round(s / 3600) + ' h' : Math.round(s / 86400) + ' d';
}

export function utc(ms, withDate) {
  const text = new Date(ms).toISOString();
  return (withDate ? text.slice(0, 10) + ' ' : '') + text.slice(11, 19);
}

const PROTOCOLS = { 1: 'ICMP', 2: 'IGMP', 4: 'IPv4', 6: 'TCP', 17: 'UDP', 41: 'IPv6', 47: 'GRE', 50: 'ESP', 51: 'AH',
  58: 'ICMPv6', 88: 'EIGRP', 89: 'OSPF', 103: 'PIM', 112: 'VRRP', 132: 'SCTP', 136: 'UDPLite' };
export const protocol = (n) => PROTOCOLS[n] || String(n);

// ---- Losses ----

// The last: whether the engine always says it, so that its absence is not a 0.
const LOSSES = [
  ['nic_missed', 'packets missed by the NIC, whose queue was full', true],
  ['no_mbuf', 'packets dropped by the driver, which had no buffer left', true],
  ['nic_errors', 'packets refused by the NIC as damaged', false],
  ['kernel_dropped', 'packets dropped by the kernel', true],
  ['overflow_packets', 'packets unattributed: the task\'s table was full', false],
  ['missing_snapshots', 'snapshots that never came', true],
  ['incomplete_epochs', 'epochs unfinished', true],
  ['faults', 'faults: parts that could not be handed over or merged', false],
  ['expired_epochs', 'epochs no longer kept', false],
];

// {lost: [phrases], known}
export function losses(ledger) {
  if (!ledger || typeof ledger !== 'object') return { lost: [], known: false };
  return {
    lost: LOSSES.filter(([name]) => ledger[name] > 0).map(([name, words]) => count(ledger[name]) + ' ' + words),
    known: LOSSES.every(([name, , promised]) => !promised || Number.isFinite(ledger[name])),
  };
}
export const lostPackets = (ledger) =>
  ['nic_missed', 'no_mbuf', 'nic_errors', 'kernel_dropped'].reduce((sum, name) => sum + (ledger[name] || 0), 0);
