// The set: what the page was given, and what follows from it. Nothing here touches the document but the block of data.

const data = JSON.parse(document.getElementById('data').textContent);
const packages = data.packages.map((entry, index) => ({...entry, index, neededBy: [], findings: []}));

for (const entry of packages) {
  for (const [needed, capabilities] of entry.needs) packages[needed].neededBy.push([entry.index, capabilities]);
}

const SEVERITIES = ['critical', 'important', 'moderate', 'low', 'info'];
const rankOf = severity => SEVERITIES.indexOf(severity);

// The distributions and databases have several words for one thing.
const severityOf = finding => {
  const said = String(finding.severity ?? '').toLowerCase();
  const same = {high: 'important', medium: 'moderate', negligible: 'info', none: 'info', unknown: 'info', minor: 'low'};
  return SEVERITIES.includes(said) ? said : same[said] ?? 'info';
};

const judged = finding => ({...finding, level: severityOf(finding)});
const findings = (data.findings?.findings ?? []).map(judged);
findings.sort((a, b) => rankOf(a.level) - rankOf(b.level));
const placesOf = new Map();
for (const entry of packages) {
  for (const word of new Set([entry.id, entry.name])) placesOf.set(word, [...placesOf.get(word) ?? [], entry.index]);
}
for (const finding of findings) {
  const places = [finding.package ?? [], finding.packages ?? []].flat().flatMap(name => placesOf.get(name) ?? []);
  finding.place = places[0];
  for (const place of places) packages[place].findings.push(finding);
}
const worst = entry => entry.findings.length ? entry.findings[0].level : null;

const totalSize = packages.reduce((sum, entry) => sum + entry.size, 0);
const largest = packages.reduce((most, entry) => Math.max(most, entry.size), 1);

// Where the chains begin: what was asked for, or, where nobody said what was, what no other package needs.
const isAsked = entry => data.asked_known ? entry.asked : entry.neededBy.every(([by]) => by === entry.index);
const cameBy = new Map();
{
  let edge = packages.filter(isAsked).map(entry => entry.index);
  for (const start of edge) cameBy.set(start, null);
  while (edge.length) {
    const next = [];
    for (const from of edge) {
      for (const [to, capabilities] of packages[from].needs) {
        if (!cameBy.has(to)) { cameBy.set(to, [from, capabilities]); next.push(to); }
      }
    }
    edge = next;
  }
}
const isUnneeded = entry => data.asked_known && !cameBy.has(entry.index);

// A shortest chain from what was asked for: [[place, capability by which the next is needed], …].
const chainTo = place => {
  if (!cameBy.has(place)) return null;
  const chain = [[place, null]];
  for (let at = cameBy.get(place); at; at = cameBy.get(at[0])) chain.unshift([at[0], at[1]]);
  return chain;
};

// All that needs a package, directly or not.
const allAbove = place => {
  const seen = new Set([place]);
  for (const at of seen) for (const [by] of packages[at].neededBy) seen.add(by);
  seen.delete(place);
  return seen;
};

const number = new Intl.NumberFormat('en');
const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});
const bytes = count => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit++; }
  return `${unit && count < 100 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
};
const day = seconds => new Date(seconds * 1000).toISOString().slice(0, 10);
const plural = (count, one, many = `${one}s`) => `${number.format(count)} ${count === 1 ? one : many}`;
