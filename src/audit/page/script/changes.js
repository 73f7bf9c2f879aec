// What changed between another set and this one: every list of the difference as a table, whatever it is a list of.

const WORDS = {
  added: 'Added', removed: 'Removed', upgraded: 'Upgraded', downgraded: 'Downgraded', changed: 'Changed', packages: 'Packages', files: 'Files',
  capabilities: 'Capabilities', advisories: 'Advisories', fixed: 'Fixed', introduced: 'Introduced', appeared: 'Appeared', went: 'Went',
  rebuilt: 'Rebuilt', new_risks: 'New risks', gone_risks: 'Risks that went', installed_size: 'Size',
};
const word = key => WORDS[key] ?? key.replaceAll(/[-_]/g, ' ').replace(/^./, first => first.toUpperCase());

// What is read first stands first, whatever order it came in.
const FIRST = ['packages', 'advisories', 'new_risks', 'gone_risks', 'capabilities', 'files', 'introduced', 'fixed', 'added', 'removed', 'upgraded', 'downgraded', 'changed', 'kind', 'severity', 'name', 'path', 'package', 'id', 'from', 'to', 'old', 'new', 'installed'];
const inOrder = (a, b) => (FIRST.indexOf(a) + 1 || 99) - (FIRST.indexOf(b) + 1 || 99) || collator.compare(a, b);

const changes = {
  // Each list with the names that lead to it.
  lists(value, path = []) {
    if (Array.isArray(value)) return value.length ? [{path, rows: value}] : [];
    if (value === null || typeof value !== 'object') return [];
    return Object.entries(value).sort(([a], [b]) => inOrder(a, b)).flatMap(([key, inner]) => changes.lists(inner, [...path, key]));
  },

  make() {
    const panel = byId('panel-changes');
    const lists = changes.lists(data.diff);
    const title = list => list.path.map((key, at) => at ? word(key).toLowerCase() : word(key)).join(': ');
    const cards = lists.map(list => h('div', {class: 'card'}, h('b', null, number.format(list.rows.length)), h('span', null, title(list))));
    const frame = h('div', {class: 'scroll'},
      h('div', {class: 'bar-top'}, h('span', null, 'From ', h('b', null, data.other ?? 'the other set'), ' to ', h('b', null, data.subject.name))),
      lists.length ? h('div', {class: 'cards'}, cards) : h('p', {class: 'empty'}, 'Nothing is different.'));
    changes.sections = lists.map(list => {
      const section = changes.section(title(list), list.rows);
      frame.append(section.element);
      return section;
    });
    panel.append(frame);
  },

  section(title, rows) {
    const areFindings = rows.every(row => row?.kind && row?.severity && row?.action);
    // What only repeats the others is left out.
    const keys = [...new Set(rows.flatMap(row => row !== null && typeof row === 'object' ? Object.keys(row) : ['']))]
      .filter(key => !['from_id', 'to_id'].includes(key) && !(key === 'id' && rows[0]?.name)).sort(inOrder);
    const isNumber = key => key && rows.every(row => typeof (row?.[key] ?? 0) === 'number');
    const head = h('tr', null, keys.map(key => h('th', {scope: 'col', class: isNumber(key) ? 'num' : null}, h('span', {class: 'head'}, key ? word(key) : title))));
    const made = rows.map(row => ({
      text: JSON.stringify(row).toLowerCase(),
      row: () => areFindings ? findingsView.row({...judged(row), place: placesOf.get(row.package)?.[0]}) : h('tr', null, keys.map(key => changes.cell(key, key ? row[key] : row))),
    }));
    const MOST = 500;
    const body = h('tbody');
    const element = h('section', {class: 'section'}, h('h3', null, `${title} (${number.format(rows.length)})`), h('table', {class: 'rows', 'aria-label': title}, areFindings ? findingsView.head() : h('thead', null, head), body));
    const show = words => {
      const shown = made.filter(row => words.every(word => row.text.includes(word)));
      body.replaceChildren(...shown.slice(0, MOST).map(row => row.element ??= row.row()));
      if (shown.length > MOST) body.append(h('tr', null, h('td', {colspan: keys.length, class: 'soft'}, `and ${number.format(shown.length - MOST)} more: search to see them`)));
      element.hidden = !shown.length;
      return shown.length;
    };
    return {element, show};
  },

  cell(key, value) {
    if (value === null || value === undefined) return h('td');
    if (['name', 'package', 'id'].includes(key) && placesOf.has(value)) return h('td', {class: 'wrap'}, packageLink(placesOf.get(value)[0]));
    if (typeof value === 'number' && /size|bytes|growth/.test(key)) return h('td', {class: 'num'}, `${value < 0 ? '−' : ''}${bytes(Math.abs(value))}`);
    if (Array.isArray(value)) return h('td', {class: 'wrap mono'}, value.map(changes.aspect));
    if (typeof value === 'object') return h('td', {class: 'wrap mono'}, Object.entries(value).map(([name, inner]) => `${name} ${inner}`).join(', '));
    return h('td', {class: /version|from|to|path|digest|mode|id/.test(key) ? 'wrap mono' : 'wrap'}, String(value));
  },

  // What changed of a path. Digests say nothing to a person.
  aspect(change) {
    if (!change?.what) return h('div', null, String(change));
    const words = `${change.from || 'none'} → ${change.to || 'none'}`;
    return change.what === 'content' ? h('div', {title: words}, change.what) : h('div', null, `${change.what}: ${words}`);
  },

  show() {
    if (state.tab !== 'changes') return;
    const words = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    changes.count = (changes.sections ?? []).reduce((sum, section) => sum + section.show(words), 0);
  },
};
