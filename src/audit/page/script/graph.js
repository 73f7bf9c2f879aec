// Who needs whom around one package: those that need it to the left, those that it needs to the right.

const graph = {
  NODE: {width: 136, height: 24, gap: 7, between: 48},
  MOST: 11,

  // The columns around a package: by distance, at most `MOST` a column, the rest as one word.
  columns(center, depth) {
    const level = new Map([[center, 0]]);
    const columns = new Map([[0, {entries: [center], more: 0}]]);
    const walk = (side, next) => {
      let edge = [center];
      for (let distance = 1; distance <= depth && edge.length; distance++) {
        const found = new Set();
        for (const from of edge) for (const [to] of next(packages[from])) if (!level.has(to)) found.add(to);
        const weight = place => packages[place].neededBy.length + packages[place].needs.length;
        const sorted = [...found].sort((a, b) => weight(b) - weight(a) || collator.compare(packages[a].name, packages[b].name));
        const entries = sorted.slice(0, sorted.length === graph.MOST + 1 ? graph.MOST + 1 : graph.MOST);
        for (const place of entries) level.set(place, side * distance);
        if (entries.length) columns.set(side * distance, {entries, more: sorted.length - entries.length});
        edge = entries;
      }
    };
    walk(1, entry => entry.needs);
    walk(-1, entry => entry.neededBy);
    return {level, columns};
  },

  draw(center, depth) {
    const {width, height, gap, between} = graph.NODE;
    const {level, columns} = graph.columns(center, depth);
    const sides = [...columns.keys()].sort((a, b) => a - b);
    const tallest = Math.max(...[...columns.values()].map(column => column.entries.length + (column.more ? 1 : 0)));
    const high = tallest * (height + gap) - gap;
    const at = new Map();
    // From the middle outwards each column is ordered by where its neighbours stand, so that few edges cross.
    for (const side of [...sides].sort((a, b) => Math.abs(a) - Math.abs(b))) {
      const column = columns.get(side);
      const inner = place => {
        const ends = (side > 0 ? packages[place].neededBy : packages[place].needs).map(([other]) => at.get(other)).filter(Boolean);
        return ends.length ? ends.reduce((sum, end) => sum + end.y, 0) / ends.length : 0;
      };
      if (Math.abs(side) > 1) column.entries.sort((a, b) => inner(a) - inner(b) || collator.compare(packages[a].name, packages[b].name));
      const count = column.entries.length + (column.more ? 1 : 0);
      const top = (high - (count * (height + gap) - gap)) / 2;
      column.x = 8 + sides.indexOf(side) * (width + between);
      column.entries.forEach((place, row) => at.set(place, {x: column.x, y: 34 + top + row * (height + gap), side, row}));
      column.moreY = 34 + top + column.entries.length * (height + gap);
    }
    const whole = {width: 16 + sides.length * (width + between) - between, height: high + 46};
    const picture = s('svg', {width: whole.width, height: whole.height, role: 'group', 'aria-label': `Who needs whom around ${packages[center].name}. Arrow keys move, Enter goes there.`});
    if (columns.has(-1)) picture.append(s('text', {class: 'column', x: columns.get(-1).x, y: 18}, 'needed by'));
    if (columns.has(1)) picture.append(s('text', {class: 'column', x: columns.get(1).x, y: 18}, 'needs'));
    const edges = [];
    for (const [from, start] of at) {
      for (const [to, capabilities] of packages[from].needs) {
        const end = at.get(to);
        if (!end || Math.abs(end.side - start.side) !== 1) continue;
        edges.push({from, to, line: graph.edge(start, end, capabilities)});
      }
    }
    picture.append(...edges.map(edge => edge.line));
    for (const [place, where] of at) picture.append(graph.node(place, where, level.get(place) === 0, edges));
    for (const [side, column] of columns) {
      if (column.more) picture.append(graph.more(center, side, column));
    }
    picture.addEventListener('keydown', event => graph.key(event, at, columns, sides));
    return picture;
  },

  edge(start, end, capabilities) {
    const {width, height} = graph.NODE;
    const back = end.side < start.side;
    const from = {x: start.x + (back ? 0 : width), y: start.y + height / 2};
    const to = {x: end.x + (back ? width : 0), y: end.y + height / 2};
    const middle = (from.x + to.x) / 2;
    const line = s('path', {class: back ? 'edge back' : 'edge', d: `M${from.x},${from.y}C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`});
    line.append(s('title', null, capabilities));
    return line;
  },

  node(place, {x, y}, isCenter, edges) {
    const {width, height} = graph.NODE;
    const entry = packages[place];
    const node = s('g', {class: isCenter ? 'node center' : 'node', tabindex: isCenter ? 0 : -1, role: 'button', 'data-place': place, 'aria-label': entry.name},
      s('rect', {x, y, width, height, rx: 5}), label(entry.name, x + 8, y + 16, width - 14, 6.7));
    const light = on => edges.filter(edge => edge.from === place || edge.to === place).forEach(edge => edge.line.classList.toggle('lit', on));
    for (const event of ['pointerenter', 'focus']) node.addEventListener(event, () => light(true));
    for (const event of ['pointerleave', 'blur']) node.addEventListener(event, () => light(false));
    node.addEventListener('click', () => { if (!isCenter) choose(place, true); });
    tip.on(node, () => {
      const by = edges.find(edge => edge.from === place && at0(edge.to)) ?? edges.find(edge => edge.to === place && at0(edge.from));
      return `${entry.name} ${entry.version}, ${bytes(entry.size)}${by ? `\n${by.line.textContent}` : ''}`;
    });
    const at0 = other => other === state.chosen;
    return node;
  },

  more(center, side, column) {
    const {width, height} = graph.NODE;
    const node = s('g', {class: 'node more'}, s('rect', {x: column.x, y: column.moreY, width, height, rx: 5}), s('text', {x: column.x + 8, y: column.moreY + 16}, `and ${number.format(column.more)} more`));
    if (Math.abs(side) === 1) {
      fill(node, {tabindex: -1, role: 'button', onclick: () => search(`${side < 0 ? 'needs' : 'neededby'}:${packages[center].name}`)}, []);
    }
    return node;
  },

  key(event, at, columns, sides) {
    const node = event.target.closest('.node');
    if (!node) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      node.dispatchEvent(new MouseEvent('click', {bubbles: true}));
      return;
    }
    const here = at.get(Number(node.dataset.place));
    if (!here || !event.key.startsWith('Arrow')) return;
    event.preventDefault();
    let {side, row} = here;
    if (event.key === 'ArrowUp') row--;
    if (event.key === 'ArrowDown') row++;
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      side = sides[sides.indexOf(side) + (event.key === 'ArrowLeft' ? -1 : 1)];
      const rows = columns.get(side)?.entries ?? [];
      row = rows.length ? rows.reduce((best, place, index) => Math.abs(at.get(place).y - here.y) < Math.abs(at.get(rows[best]).y - here.y) ? index : best, 0) : -1;
    }
    const to = columns.get(side)?.entries[row];
    const next = to === undefined ? null : node.parentNode.querySelector(`[data-place="${to}"]`);
    next?.focus();
  },
};
