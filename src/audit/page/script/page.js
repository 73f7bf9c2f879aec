// The page: what is chosen, searched and shown, the keys, and what of it stands in the address.

const state = {query: '', sort: 'name', descending: false, tab: 'packages', chosen: null, group: 'none', colour: findings.length ? 'findings' : 'age', depth: 1, hidden: new Set(), theme: 'system'};
const hasChanges = data.diff !== null && data.diff !== undefined;
const TABS = [
  {key: 'packages', label: 'Packages', count: packages.length},
  {key: 'size', label: 'Size'},
  ...data.findings ? [{key: 'findings', label: 'Findings', count: findings.length}] : [],
  ...hasChanges ? [{key: 'changes', label: 'Changes', count: changes.lists(data.diff).reduce((sum, list) => sum + list.rows.length, 0)}] : [],
];

const apply = () => {
  const matches = matcher(state.query);
  table.show(matches);
  treemap.filter(new Set(table.shown.map(entry => entry.index)));
  if (data.findings) findingsView.show(matches);
  if (hasChanges) changes.show();
  const size = table.shown.reduce((sum, entry) => sum + entry.size, 0);
  const told = {findings: () => `${number.format(findingsView.count)} of ${plural(findings.length, 'finding')}`, changes: () => plural(changes.count, 'change')};
  byId('status').textContent = told[state.tab]?.() ?? `${number.format(table.shown.length)} of ${plural(packages.length, 'package')}, ${bytes(size)} of ${bytes(totalSize)}`;
};

const search = query => {
  state.query = query;
  byId('search').value = query;
  if (query && state.tab === 'size') show('packages');
  apply();
  remember(false);
};

// Typing is answered once a frame; a key that acts on the answer does not wait for it.
const typing = {
  frame: 0,
  end() {
    if (!typing.frame) return;
    cancelAnimationFrame(typing.frame);
    typing.frame = 0;
    apply();
    remember(false);
  },
};

const choose = (place, focus) => {
  const before = state.chosen;
  state.chosen = place;
  tip.hide();
  table.window();
  treemap.choose(place);
  detail.show(place, focus);
  // The table is behind a wide pane, and comes back when that closes.
  if (place === null && before !== null && state.tab === 'packages') {
    const position = table.shown.findIndex(entry => entry.index === before);
    if (position >= 0) table.go(position);
    table.focus();
  }
  remember(place !== before);
};

const show = (tab, focus = false) => {
  state.tab = TABS.some(other => other.key === tab) ? tab : 'packages';
  for (const {key} of TABS) {
    const button = byId(`tab-${key}`);
    button.setAttribute('aria-selected', String(key === state.tab));
    button.tabIndex = key === state.tab ? 0 : -1;
    byId(`panel-${key}`).hidden = key !== state.tab;
    if (focus && key === state.tab) button.focus();
  }
  apply();
  if (state.tab === 'size') treemap.draw();
  remember(false);
};

// The address says what is seen, so that it can be passed on and gone back to.
let restoring = false;
const remember = isStep => {
  if (restoring) return;
  const words = new URLSearchParams();
  if (state.tab !== 'packages') words.set('tab', state.tab);
  if (state.query) words.set('q', state.query);
  if (state.chosen !== null) words.set('package', packages[state.chosen].id);
  const address = `#${words}`;
  if (address === (location.hash || '#')) return;
  if (isStep) history.pushState(null, '', address); else history.replaceState(null, '', address);
};
const restore = () => {
  restoring = true;
  const words = new URLSearchParams(location.hash.slice(1));
  state.query = byId('search').value = words.get('q') ?? '';
  show(words.get('tab') ?? 'packages');
  choose(placesOf.get(words.get('package'))?.[0] ?? null, false);
  restoring = false;
};

const theme = wanted => {
  state.theme = wanted;
  document.documentElement.className = wanted === 'system' ? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') : wanted;
  byId('theme').textContent = `Theme: ${{system: 'auto', light: 'light', dark: 'dark'}[wanted]}`;
};
const nextTheme = () => theme({system: 'light', light: 'dark', dark: 'system'}[state.theme]);

const keysDialog = () => {
  const key = (keys, text) => [h('dt', null, keys.map(name => [h('kbd', null, name), ' '])), h('dd', null, text)];
  const say = (example, text) => [h('dt', {class: 'mono'}, example), h('dd', null, text)];
  byId('keys').replaceChildren(h('div', {class: 'title-row'}, h('div', null, h('h2', null, 'Keys')), h('button', {class: 'plain', type: 'button', onclick: () => byId('keys').close()}, 'Close')),
    h('dl', {class: 'facts'},
      key(['/'], 'search; the arrow down leads into the table'), key(['↑', '↓'], 'through the table; also j and k, Page, Home, End'),
      key(['↑', '↓', '←', '→'], 'through the size picture and the graph'), key(['Enter'], 'open the package'), key(['Esc'], 'close it, or clear the search'),
      key(['1', '…', String(TABS.length)], 'the views'), key(['W'], 'the details over the whole width'), key(['T'], 'light, dark, or as the system')),
    h('h3', null, 'Search words: all of them must hold'),
    h('dl', {class: 'facts'},
      say('curl', 'anywhere in name, version, summary, licence, source, vendor'), say('needs:glibc', 'the packages that need glibc; above:glibc, directly or not'),
      say('neededby:bash', 'the packages that bash needs'), say('license:gpl', 'by licence; also source:, name:, arch:'), say('size:>1m', 'by size; size:<64k'),
      say('finding:critical', 'by findings: kind, severity, or name'), say('is:asked', 'what was asked for; is:unneeded, is:found')));
  byId('keys').showModal();
};

const onKey = event => {
  if (event.ctrlKey || event.altKey || event.metaKey || byId('keys').open) return;
  const field = byId('search');
  typing.end();
  if (event.key === 'Escape') {
    if (event.target === field && state.query) search('');
    else if (state.chosen !== null) choose(null, false);
    else if (state.query) search('');
    else return;
    event.preventDefault();
    return;
  }
  if (event.target === field) {
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      if (state.tab === 'packages') { table.go(0); table.focus(); }
    }
    return;
  }
  if (event.target.matches('input, select')) return;
  const act = {'/': () => { field.focus(); field.select(); }, '?': keysDialog, t: nextTheme, w: () => state.chosen !== null && detail.widen()}[event.key.toLowerCase()]
    ?? (TABS[Number(event.key) - 1] && (() => show(TABS[Number(event.key) - 1].key, true)));
  if (!act) return;
  event.preventDefault();
  act();
};

const begin = () => {
  const release = data.subject.release;
  document.title = data.title;
  byId('title').textContent = data.subject.name;
  byId('subtitle').textContent = [release, data.subject.arch, plural(packages.length, 'package'), bytes(totalSize), data.time ? day(data.time) : null].filter(Boolean).join(' · ');
  byId('tabs').append(...TABS.map((tab, at) => h('button', {type: 'button', role: 'tab', id: `tab-${tab.key}`, 'aria-controls': `panel-${tab.key}`, title: `${tab.label} (${at + 1})`, onclick: () => show(tab.key)},
    tab.label, tab.count === undefined ? null : h('span', {class: 'count'}, number.format(tab.count)))));
  byId('tabs').addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const at = TABS.findIndex(tab => tab.key === state.tab);
    show(TABS[(at + step + TABS.length) % TABS.length].key, true);
  });
  table.make();
  treemap.make();
  if (data.findings) findingsView.make();
  if (hasChanges) changes.make();
  byId('search').addEventListener('input', event => {
    state.query = event.target.value;
    if (!typing.frame) typing.frame = requestAnimationFrame(typing.end);
  });
  byId('theme').addEventListener('click', nextTheme);
  byId('help').addEventListener('click', keysDialog);
  document.addEventListener('keydown', onKey);
  addEventListener('popstate', restore);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => theme(state.theme));
  theme('system');
  restore();
};

begin();
