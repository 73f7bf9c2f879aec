// The words of the search field. All must hold: plain ones somewhere in the package, `key:value` for what the key names.

const KEYS = {
  name: (entry, value) => entry.name.toLowerCase().includes(value),
  license: (entry, value) => (entry.license ?? '').toLowerCase().includes(value),
  source: (entry, value) => (entry.source ?? '').toLowerCase().includes(value),
  arch: (entry, value) => (entry.arch ?? '').toLowerCase() === value,
  needs: (entry, value) => entry.needs.some(([place]) => packages[place].name.toLowerCase() === value),
  neededby: (entry, value) => entry.neededBy.some(([place]) => packages[place].name.toLowerCase() === value),
  above: (entry, value) => (placesOf.get(value) ?? []).some(place => aboveOf(place).has(entry.index)),
  finding: (entry, value) => entry.findings.some(found => `${found.kind} ${found.level} ${found.id ?? ''}`.toLowerCase().includes(value)),
  is: (entry, value) => ({asked: data.asked_known && entry.asked, unneeded: isUnneeded(entry), found: entry.findings.length > 0})[value] ?? false,
  size: (entry, value) => {
    const parts = /^([<>])?([\d.]+)([kmg]?)i?b?$/.exec(value);
    if (!parts) return false;
    const limit = Number(parts[2]) * {'': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3}[parts[3]];
    return parts[1] === '<' ? entry.size < limit : entry.size >= limit;
  },
};
KEYS.licence = KEYS.license;

// What was asked last is asked for every package in turn.
let lastAbove = {place: -1, seen: new Set()};
const aboveOf = place => {
  if (lastAbove.place !== place) lastAbove = {place, seen: allAbove(place)};
  return lastAbove.seen;
};

const haystacks = packages.map(entry =>
  [entry.id, entry.name, entry.version, entry.summary, entry.license, entry.source, entry.vendor].filter(Boolean).join('\n').toLowerCase());

const matcher = query => {
  const tests = query.toLowerCase().split(/\s+/).filter(Boolean).map(word => {
    const colon = word.indexOf(':');
    const key = colon > 0 ? KEYS[word.slice(0, colon)] : undefined;
    const value = word.slice(colon + 1);
    return key ? entry => value === '' || key(entry, value) : entry => haystacks[entry.index].includes(word);
  });
  return entry => tests.every(test => test(entry));
};
