// What the audit found, as a list that the search narrows.

// What a finding says beyond its kind: its own words, or else what its facts amount to.
const wordsOf = found => {
  const words = found.message ?? found.path ?? '';
  return found.id && words.startsWith(`${found.id}: `) ? words.slice(found.id.length + 2) : words;
};
const versionsOf = found => found.fixed && found.installed ? `${found.installed} → ${found.fixed}` : found.installed ?? '';

const findingBlock = found => h('div', {class: `finding ${found.level}`},
  h('p', null, mark(found.level), ' ', h('b', null, found.url ? outside(found.url, found.id ?? found.kind) : found.id ?? found.kind), versionsOf(found) ? h('span', {class: 'mono soft'}, ` ${versionsOf(found)}`) : null),
  wordsOf(found) ? h('p', null, wordsOf(found)) : null,
  found.cves?.length ? h('p', {class: 'mono soft'}, found.cves.join(', ')) : null,
  found.action ? h('p', {class: 'what-to-do'}, found.action) : null);

const findingsView = {
  MOST: 500,
  body: h('tbody'),

  make() {
    const levels = SEVERITIES.filter(level => findings.some(found => found.level === level));
    const chips = levels.map(level => h('button', {class: 'plain', type: 'button', 'aria-pressed': 'true', 'data-level': level, onclick: event => {
      const on = event.currentTarget.getAttribute('aria-pressed') !== 'true';
      event.currentTarget.setAttribute('aria-pressed', String(on));
      if (on) state.hidden.delete(level); else state.hidden.add(level);
      apply();
    }}, mark(level, String(findings.filter(found => found.level === level).length)), ` ${level}`));
    byId('panel-findings').append(h('div', {class: 'bar-top', role: 'group', 'aria-label': 'Severities that are shown'}, chips),
      h('div', {class: 'scroll'}, h('table', {class: 'rows', 'aria-label': 'Findings'}, findingsView.head(), findingsView.body)));
  },

  head() {
    const widths = [['Severity', '122px'], ['Package', '18%'], ['Finding', '24%'], ['What it is, and what to do', 'auto']];
    return h('thead', null, h('tr', null, widths.map(([text, width]) => {
      const cell = h('th', {scope: 'col'}, h('span', {class: 'head'}, text));
      cell.style.width = width;
      return cell;
    })));
  },

  row(found) {
    const cells = [
      h('td', null, mark(found.level)),
      h('td', {class: 'wrap'}, found.place === undefined ? found.package ?? '' : packageLink(found.place)),
      h('td', {class: 'wrap'}, found.url ? outside(found.url, found.id ?? found.kind) : found.id ?? found.kind, h('div', {class: 'soft'}, found.id ? found.kind : ''), versionsOf(found) ? h('div', {class: 'mono soft'}, versionsOf(found)) : null),
      h('td', {class: 'wrap'}, wordsOf(found), found.path && !wordsOf(found).includes(found.path) ? h('div', {class: 'mono'}, found.path) : null, found.cves?.length ? h('div', {class: 'mono soft'}, found.cves.join(', ')) : null, found.action ? h('div', {class: 'soft'}, found.action) : null),
    ];
    return h('tr', null, cells);
  },

  show(matches) {
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const texts = found => `${found.kind} ${found.id ?? ''} ${found.package ?? ''} ${wordsOf(found)} ${found.path ?? ''} ${(found.cves ?? []).join(' ')}`.toLowerCase();
    const isShown = found => !state.hidden.has(found.level)
      && (found.place !== undefined && matches(packages[found.place]) || words.every(word => texts(found).includes(word)));
    const shown = findings.filter(isShown);
    findingsView.count = shown.length;
    if (state.tab !== 'findings') return;
    const rest = shown.length - findingsView.MOST;
    const word = shown.length ? rest > 0 ? `and ${number.format(rest)} more: search to see them` : null : 'No finding matches.';
    findingsView.body.replaceChildren(...shown.slice(0, findingsView.MOST).map(found => found.row ??= findingsView.row(found)));
    if (word) findingsView.body.append(h('tr', null, h('td', {colspan: 4, class: 'empty'}, word)));
  },
};
