// The size picture: every package as an area, after Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).

// Places items of positive weight into a rectangle; calls back with each and its place.
const squarify = (items, frame, place) => {
  let {x, y, width, height} = frame;
  let left = items.reduce((sum, item) => sum + item.weight, 0);
  let at = 0;
  while (at < items.length && width > 0 && height > 0 && left > 0) {
    const side = Math.min(width, height);
    const scale = width * height / left;
    let sum = 0, least = Infinity, end = at;
    while (end < items.length) {
      const next = sum + items[end].weight * scale;
      const most = items[at].weight * scale, smallest = items[end].weight * scale;
      const shape = Math.max(side * side * most / (next * next), next * next / (side * side * smallest));
      if (shape > least) break;
      least = shape;
      sum = next;
      end++;
    }
    const depth = sum / side;
    let along = 0;
    for (const item of items.slice(at, end)) {
      const length = item.weight * scale / depth;
      place(item, width >= height ? {x, y: y + along, width: depth, height: length} : {x: x + along, y, width: length, height: depth});
      along += length;
      left -= item.weight;
    }
    if (width >= height) { x += depth; width -= depth; } else { y += depth; height -= depth; }
    at = end;
  }
};

const treemap = {
  frame: h('div', {class: 'map'}),
  legend: h('div', {class: 'legend'}),
  groups: {none: () => '', source: entry => sourceName(entry), licence: entry => entry.license ?? 'none told', vendor: entry => entry.vendor ?? 'none told'},
  tiles: new Map(),
  places: [],

  make() {
    const select = (label, name, options) => h('label', null, label, h('select', {id: `map-${name}`, onchange: event => { state[name] = event.target.value; treemap.draw(); }},
      options.map(([value, text]) => h('option', {value}, text))));
    byId('panel-size').append(h('div', {class: 'bar-top'},
      select('Grouped by', 'group', [['none', 'nothing'], ['source', 'source package'], ['licence', 'licence'], ['vendor', 'vendor']]),
      select('Coloured by', 'colour', findings.length ? [['findings', 'findings'], ['age', 'age of the build']] : [['age', 'age of the build'], ['none', 'nothing']]),
      treemap.legend), treemap.frame);
    treemap.frame.addEventListener('keydown', treemap.key);
    new ResizeObserver(() => { if (state.tab === 'size') treemap.draw(); }).observe(treemap.frame);
  },

  draw() {
    const {clientWidth: width, clientHeight: height} = treemap.frame;
    if (!width || !height) return;
    const named = treemap.groups[state.group];
    const grouped = new Map();
    for (const entry of packages.filter(entry => entry.size > 0)) {
      const name = named(entry);
      if (!grouped.has(name)) grouped.set(name, {name, weight: 0, entries: []});
      const group = grouped.get(name);
      group.weight += entry.size;
      group.entries.push({weight: entry.size, entry});
    }
    const groups = [...grouped.values()].sort((a, b) => b.weight - a.weight || collator.compare(a.name, b.name));
    const picture = s('svg', {viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'Packages by size. Arrow keys move, Enter opens.'});
    treemap.tiles = new Map();
    treemap.places = [];
    const colour = treemap.colours();
    squarify(groups, {x: 0, y: 0, width, height}, (group, at) => {
      let inner = at;
      if (state.group !== 'none') {
        const title = group.entries.length > 1 && at.height > 44 && at.width > 60 ? 17 : 0;
        const holder = s('g', {class: 'group'}, s('rect', at));
        if (title) holder.append(label(group.name, at.x + 6, at.y + 13, at.width - 10, 6.4));
        picture.append(holder);
        inner = {x: at.x + 2, y: at.y + 2 + title, width: at.width - 4, height: at.height - 4 - title};
      }
      group.entries.sort((a, b) => b.weight - a.weight);
      squarify(group.entries, inner, (item, place) => picture.append(treemap.tile(item.entry, place, colour)));
    });
    // What is chosen and what has the focus are drawn over all tiles, whatever lies beside them.
    treemap.chosen = s('rect', {class: 'ring', visibility: 'hidden'});
    treemap.focused = s('rect', {class: 'ring at', visibility: 'hidden'});
    picture.append(treemap.chosen, treemap.focused);
    treemap.frame.replaceChildren(picture);
    treemap.filter(new Set(table.shown.map(entry => entry.index)));
    treemap.choose(state.chosen);
  },

  tile(entry, at, colour) {
    const tile = s('g', {class: `tile ${colour(entry)}`, tabindex: -1, role: 'button', 'data-place': entry.index, 'aria-label': `${entry.name}, ${bytes(entry.size)}`}, s('rect', {...at, rx: Math.min(2, at.width / 4)}));
    if (at.width > 34 && at.height > 18) {
      tile.append(label(entry.name, at.x + 5, at.y + 14, at.width - 8, 6.8));
      if (at.height > 34 && at.width > 56) tile.append(label(bytes(entry.size), at.x + 5, at.y + 29, at.width - 8, 6.2, 'small'));
    }
    tile.addEventListener('click', () => choose(entry.index, false));
    tile.addEventListener('focus', () => treemap.ring(treemap.focused, tile.matches(':focus-visible') ? entry.index : null));
    tile.addEventListener('blur', () => treemap.ring(treemap.focused, null));
    tip.on(tile, () => `${entry.name} ${entry.version}\n${bytes(entry.size)}, ${(100 * entry.size / totalSize).toFixed(1)} % of the set${entry.findings.length ? `\n${plural(entry.findings.length, 'finding')}, ${worst(entry)}` : ''}`);
    treemap.tiles.set(entry.index, tile);
    treemap.places.push({place: entry.index, ...at, cx: at.x + at.width / 2, cy: at.y + at.height / 2});
    return tile;
  },

  colours() {
    const swatch = (name, text) => h('span', null, s('svg', {viewBox: '0 0 12 12', 'aria-hidden': 'true'}, s('g', {class: `tile ${name}`}, s('rect', {width: 12, height: 12, rx: 2}))), text);
    if (state.colour === 'findings') {
      const levels = SEVERITIES.filter(level => packages.some(entry => worst(entry) === level));
      treemap.legend.replaceChildren(...levels.map(level => swatch(`c-${level}`, level)), swatch('', 'nothing found'));
      return entry => worst(entry) ? `c-${worst(entry)}` : '';
    }
    const times = packages.map(entry => entry.built).filter(Boolean).sort((a, b) => a - b);
    if (state.colour !== 'age' || !times.length) {
      treemap.legend.replaceChildren();
      return () => '';
    }
    const [from, to] = [times[0], times[times.length - 1]];
    treemap.legend.replaceChildren(swatch('a0', day(from)), swatch('a2', ''), swatch('a4', day(to)));
    return entry => entry.built ? `a${Math.min(4, Math.floor(5 * (entry.built - from) / (to - from + 1)))}` : '';
  },

  filter(shown) {
    for (const [place, tile] of treemap.tiles) tile.classList.toggle('out', !shown.has(place));
  },

  choose(place) {
    treemap.ring(treemap.chosen, place);
    for (const tile of treemap.frame.querySelectorAll('[tabindex="0"]')) tile.setAttribute('tabindex', -1);
    const tile = treemap.tiles.get(place);
    (tile ?? treemap.tiles.get(treemap.places[0]?.place))?.setAttribute('tabindex', 0);
  },

  ring(ring, place) {
    const at = treemap.places.find(at => at.place === place);
    ring?.setAttribute('visibility', at ? 'visible' : 'hidden');
    if (at) fill(ring, {x: at.x + 1.5, y: at.y + 1.5, width: Math.max(1, at.width - 3), height: Math.max(1, at.height - 3)}, []);
  },

  // The nearest tile in the direction of the key.
  key(event) {
    const tile = event.target.closest('.tile');
    if (!tile) return;
    const here = treemap.places.find(at => at.place === Number(tile.dataset.place));
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      choose(here.place, true);
      return;
    }
    const towards = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1]}[event.key];
    if (!towards) return;
    event.preventDefault();
    const [dx, dy] = towards;
    let best = null, least = Infinity;
    for (const at of treemap.places) {
      const along = (at.cx - here.cx) * dx + (at.cy - here.cy) * dy;
      const across = Math.abs((at.cx - here.cx) * dy) + Math.abs((at.cy - here.cy) * dx);
      if (along > 0.5 && along + 2.5 * across < least) { least = along + 2.5 * across; best = at; }
    }
    if (!best) return;
    tile.setAttribute('tabindex', -1);
    const next = treemap.tiles.get(best.place);
    next.setAttribute('tabindex', 0);
    next.focus();
  },
};

// What a source package is called, without its version, where it ends as RPM's do.
const sourceName = entry => (entry.source ?? entry.name).replace(/-[^-]+-[^-]+\.(no)?src\.rpm$/, '');

// A text that is cut to the room it has.
const label = (text, x, y, room, letter, kind = null) => {
  const letters = Math.floor(room / letter);
  const cut = text.length <= letters ? text : letters > 3 ? `${text.slice(0, letters - 1)}…` : '';
  return s('text', {x, y, class: kind}, cut);
};
