// The set as a table. Only the rows in sight are in the document, so that thousands cost no more than a screenful; what has the focus is
// the table as a whole, and `aria-activedescendant` says at which row it is.

const COLUMNS = [
  {key: 'name', label: 'Package', of: entry => entry.name, width: '24%'},
  {key: 'version', label: 'Version', of: entry => entry.version, width: '24%'},
  {key: 'size', label: 'Size', of: entry => entry.size, width: '92px', number: true},
  {key: 'neededby', label: 'Needed by', of: entry => entry.neededBy.length, width: '96px', number: true},
  {key: 'needs', label: 'Needs', of: entry => entry.needs.length, width: '76px', number: true},
  {key: 'built', label: 'Built', of: entry => entry.built ?? 0, width: '112px', number: true},
  {key: 'license', label: 'Licence', of: entry => entry.license ?? '', width: 'auto'},
  {key: 'findings', label: 'Findings', of: entry => entry.findings.length ? (9 - rankOf(worst(entry))) * 1e4 + entry.findings.length : 0, width: '104px', number: true},
];

// How many findings there are of each severity.
const countsOf = found => SEVERITIES.map(level => [level, found.filter(one => one.level === level).length]).filter(([, count]) => count)
  .map(([level, count]) => fill(mark(level, number.format(count)), {title: `${count} ${level}`, 'aria-label': `${count} ${level}`}, []));

const table = {
  HEIGHT: 32,
  SPARE: 16,
  rows: [],
  shown: [],
  at: 0,
  body: h('tbody'),

  make() {
    table.columns = COLUMNS.filter(column => column.key !== 'findings' || findings.length);
    const head = h('tr', {'aria-rowindex': 1}, table.columns.map(column => {
      const sorting = h('button', {type: 'button', tabindex: 0, onclick: () => table.sortBy(column)}, column.label);
      column.cell = h('th', {scope: 'col', class: `c-${column.key}${column.number && column.key !== 'findings' ? ' num' : ''}`, 'data-column': column.key}, sorting);
      column.cell.style.width = column.width;
      return column.cell;
    }));
    table.body.addEventListener('click', event => {
      const row = event.target.closest('tr[data-place]');
      if (!row) return;
      table.at = table.shown.findIndex(entry => entry.index === Number(row.dataset.place));
      choose(Number(row.dataset.place), false);
    });
    table.grid = h('table', {role: 'grid', class: 'packages', id: 'packages', tabindex: 0, 'aria-label': 'Packages'}, h('thead', null, head), table.body);
    table.grid.addEventListener('keydown', table.key);
    table.frame = h('div', {class: 'scroll', id: 'packages-scroll', tabindex: -1}, table.grid);
    table.frame.addEventListener('scroll', () => table.window());
    new ResizeObserver(() => table.window()).observe(table.frame);
    byId('panel-packages').append(table.frame);
  },

  row(entry) {
    if (table.rows[entry.index]) return table.rows[entry.index];
    const bar = h('div', {class: 'bar'});
    bar.style.width = `calc((100% - 20px) * ${(entry.size / largest).toFixed(4)})`;
    const cells = {
      name: () => h('td', {class: 'name', title: entry.summary}, entry.name),
      version: () => h('td', {class: 'mono', title: `${entry.version} ${entry.arch ?? ''}`}, entry.version, h('span', {class: 'soft'}, entry.arch ? ` ${entry.arch}` : '')),
      size: () => h('td', {class: 'num size'}, bytes(entry.size), bar),
      neededby: () => h('td', {class: 'num'}, entry.neededBy.length ? number.format(entry.neededBy.length) : '–'),
      needs: () => h('td', {class: 'num c-needs'}, entry.needs.length ? number.format(entry.needs.length) : '–'),
      built: () => h('td', {class: 'num soft c-built'}, entry.built ? day(entry.built) : '–'),
      license: () => h('td', {class: 'soft c-license', title: entry.license}, entry.license ?? ''),
      findings: () => h('td', {title: countsOf(entry.findings).map(shown => shown.title).join(', ')}, entry.findings.length ? countsOf(entry.findings) : ''),
    };
    const row = h('tr', {id: `row-${entry.index}`, 'data-place': entry.index}, table.columns.map(column => cells[column.key]()));
    table.rows[entry.index] = row;
    return row;
  },

  sortBy(column) {
    const same = state.sort === column.key;
    state.descending = same ? !state.descending : Boolean(column.number);
    state.sort = column.key;
    apply();
  },

  show(matches) {
    const column = COLUMNS.find(column => column.key === state.sort) ?? COLUMNS[0];
    const sign = state.descending ? -1 : 1;
    const compare = column.number
      ? (a, b) => sign * (column.of(a) - column.of(b)) || collator.compare(a.name, b.name)
      : (a, b) => sign * collator.compare(column.of(a), column.of(b)) || a.index - b.index;
    const stood = table.shown[table.at];
    table.shown = packages.filter(matches).sort(compare);
    table.at = Math.max(0, table.shown.indexOf(stood));
    for (const {cell, key} of table.columns) {
      if (key === state.sort) cell.setAttribute('aria-sort', state.descending ? 'descending' : 'ascending');
      else cell.removeAttribute('aria-sort');
    }
    table.grid.setAttribute('aria-rowcount', table.shown.length + 1);
    table.frame.scrollTop = 0;
    table.range = null;
    table.window();
    byId('packages-empty')?.remove();
    if (!table.shown.length) {
      table.frame.append(h('div', {class: 'empty', id: 'packages-empty'}, h('p', null, `No package matches “${state.query}”.`),
        h('button', {class: 'plain', type: 'button', onclick: () => search('')}, 'Show all')));
    }
  },

  // Puts the rows in sight into the document.
  window() {
    const {scrollTop, clientHeight} = table.frame;
    if (!clientHeight) return;
    const from = Math.max(0, Math.floor(scrollTop / table.HEIGHT) - table.SPARE);
    const to = Math.min(table.shown.length, Math.ceil((scrollTop + clientHeight) / table.HEIGHT) + table.SPARE);
    if (table.range !== `${from}-${to}`) {
      table.range = `${from}-${to}`;
      const space = count => {
        const row = h('tr', {class: 'space', 'aria-hidden': 'true'});
        row.style.height = `${count * table.HEIGHT}px`;
        return row;
      };
      const rows = table.shown.slice(from, to).map((entry, at) => fill(table.row(entry), {'aria-rowindex': from + at + 2}, []));
      table.body.replaceChildren(space(from), ...rows, space(table.shown.length - to));
    }
    for (const row of table.body.children) {
      const place = Number(row.dataset.place);
      row.classList.toggle('at', place === table.shown[table.at]?.index);
      if (row.dataset.place) row.setAttribute('aria-selected', String(place === state.chosen));
    }
    const active = table.shown[table.at] && byId(`row-${table.shown[table.at].index}`);
    if (active) table.grid.setAttribute('aria-activedescendant', active.id); else table.grid.removeAttribute('aria-activedescendant');
  },

  key(event) {
    if (event.target !== table.grid || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(table.frame.clientHeight / table.HEIGHT) - 2);
    const {at} = table;
    const to = {ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: Infinity}[event.key];
    if (event.key === 'Enter' || event.key === ' ') {
      if (table.shown[at]) choose(table.shown[at].index, true);
    } else if (to !== undefined) {
      table.go(to);
    } else return;
    event.preventDefault();
  },

  // Stands at a row, and brings it in sight.
  go(position) {
    table.at = Math.max(0, Math.min(position, table.shown.length - 1));
    const top = table.at * table.HEIGHT;
    // The head lies over the first row.
    const room = table.frame.clientHeight - table.frame.querySelector('thead').offsetHeight;
    if (top < table.frame.scrollTop) table.frame.scrollTop = top;
    else if (top + table.HEIGHT > table.frame.scrollTop + room) table.frame.scrollTop = top + table.HEIGHT - room;
    table.window();
  },

  focus() {
    table.grid.focus({preventScroll: true});
  },
};
