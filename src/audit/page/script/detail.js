// The pane of one package; without one, what stands out in the set.

const detail = {
  show(place, focus) {
    const pane = byId('detail');
    pane.replaceChildren(...(place === null ? detail.overview() : detail.of(packages[place])));
    pane.scrollTop = 0;
    if (place === null) byId('main').classList.remove('wide');
    if (focus) byId('chosen')?.focus();
  },

  of(entry) {
    const wide = byId('main').classList.contains('wide');
    const above = allAbove(entry.index);
    const weight = [...above].reduce((sum, place) => sum + packages[place].size, 0);
    return [
      h('div', {class: 'title-row'},
        h('div', null, h('h2', {id: 'chosen', tabindex: -1}, entry.name), h('p', {class: 'mono'}, entry.version, entry.arch ? ` · ${entry.arch}` : '')),
        h('button', {class: 'plain', type: 'button', id: 'widen', title: 'Use the whole width (W)', 'aria-pressed': String(wide), onclick: () => detail.widen()}, wide ? 'Narrow' : 'Widen'),
        h('button', {class: 'plain', type: 'button', title: 'Close (Esc)', 'aria-label': 'Close', onclick: () => choose(null, false)}, '✕')),
      entry.summary ? h('p', {class: 'lead'}, entry.summary) : null,
      detail.findings(entry),
      detail.why(entry),
      detail.graph(entry),
      h('h3', null, 'Facts'),
      detail.facts([
        ['Size', `${bytes(entry.size)}${entry.files ? ` in ${plural(entry.files, 'path')}` : ''} (${(100 * entry.size / (totalSize || 1)).toFixed(1)} % of the set)`],
        ['Licence', entry.license], ['Source', entry.source], ['Vendor', entry.vendor],
        ['Built', entry.built ? day(entry.built) : null], ['Signed by', entry.signer],
        ['Home', entry.url ? outside(entry.url) : null],
        ['Above it', above.size ? h('button', {class: 'link', type: 'button', onclick: () => search(`above:${entry.name}`)}, `${plural(above.size, 'package')} of ${bytes(weight)} need it, directly or not`) : null],
      ]),
      detail.list('Needs', entry.needs),
      detail.list('Needed by', entry.neededBy),
      entry.description ? [h('h3', null, 'Description'), h('p', {class: 'said'}, entry.description)] : null,
    ].flat(2).filter(Boolean);
  },

  // The worst three; the rest when asked for.
  findings(entry) {
    const MOST = 3;
    const rest = entry.findings.slice(MOST);
    const more = rest.length ? h('button', {class: 'plain', type: 'button', onclick: () => more.replaceWith(...rest.map(findingBlock))}, plural(rest.length, 'more finding')) : null;
    return [entry.findings.slice(0, MOST).map(findingBlock), more];
  },

  widen() {
    byId('main').classList.toggle('wide');
    if (state.chosen !== null) detail.show(state.chosen, false);
    byId('widen')?.focus();
  },

  why(entry) {
    if (data.asked_known && entry.asked) return h('p', {class: 'lead good'}, 'It was asked for.');
    if (isUnneeded(entry)) return h('p', {class: 'lead moderate'}, 'Nothing that was asked for needs it.');
    const chain = chainTo(entry.index);
    if (!chain) return null;
    if (chain.length === 1) return h('p', {class: 'lead soft'}, 'No other package needs it.');
    return [h('h3', null, 'Here because'), h('ol', {class: 'chain'}, chain.map(([place, capability], at) =>
      h('li', {title: capability}, at + 1 === chain.length ? h('b', null, packages[place].name) : packageLink(place))))];
  },

  graph(entry) {
    if (!entry.needs.length && !entry.neededBy.length) return null;
    const depth = state.depth;
    const frame = h('div', {class: 'graph', id: 'graph'}, graph.draw(entry.index, depth));
    const steps = [1, 2, 3].map(count => h('button', {class: 'plain', type: 'button', 'aria-pressed': String(count === depth), title: plural(count, 'step'), onclick: event => {
      state.depth = count;
      frame.replaceChildren(graph.draw(entry.index, count));
      for (const other of event.target.parentNode.querySelectorAll('button')) other.setAttribute('aria-pressed', String(other === event.target));
      center();
    }}, String(count)));
    const center = () => {
      const middle = frame.querySelector('.center rect');
      if (middle) frame.scrollLeft = Number(middle.getAttribute('x')) + graph.NODE.width / 2 - frame.clientWidth / 2;
    };
    requestAnimationFrame(center);
    return [h('div', {class: 'graph-bar', role: 'group', 'aria-label': 'Steps that the graph goes'}, h('h3', null, 'Who needs whom'), h('span', {class: 'soft'}, 'steps'), steps), frame];
  },

  facts: rows => h('dl', {class: 'facts'}, rows.filter(([, value]) => value).map(([name, value]) => [h('dt', null, name), h('dd', null, value)])),

  list(title, edges) {
    if (!edges.length) return null;
    const sorted = [...edges].sort((a, b) => collator.compare(packages[a[0]].name, packages[b[0]].name));
    const MOST = 60;
    const item = ([place, capabilities]) => h('li', null, packageLink(place), h('span', {class: 'num'}, bytes(packages[place].size)), capabilities ? h('span', {class: 'mono'}, capabilities) : null);
    const list = h('ul', {class: 'list'}, sorted.slice(0, MOST).map(item));
    const rest = sorted.length > MOST ? h('button', {class: 'plain', type: 'button', onclick: event => {
      list.append(...sorted.slice(MOST).map(item));
      event.target.remove();
    }}, `${number.format(sorted.length - MOST)} more`) : null;
    return [h('h3', null, `${title} (${number.format(edges.length)})`), list, rest];
  },

  overview() {
    const bySize = [...packages].sort((a, b) => b.size - a.size).slice(0, 10);
    const licences = new Map();
    for (const entry of packages) licences.set(entry.license ?? 'none told', (licences.get(entry.license ?? 'none told') ?? 0) + 1);
    const common = [...licences].sort((a, b) => b[1] - a[1] || collator.compare(a[0], b[0])).slice(0, 8);
    const unneeded = packages.filter(isUnneeded);
    const release = data.subject.release;
    const levels = SEVERITIES.map(level => [level, findings.filter(found => found.level === level).length]).filter(([, count]) => count);
    return [
      h('h2', null, 'The set'),
      detail.facts([
        ['Read from', data.subject.kind], ['Release', release], ['Architecture', data.subject.arch],
        ['Packages', number.format(packages.length)], ['Size', bytes(totalSize)],
        ['Asked for', data.asked_known ? h('button', {class: 'link', type: 'button', onclick: () => search('is:asked')}, plural(packages.filter(entry => entry.asked).length, 'package')) : 'not told'],
        ['Unneeded', unneeded.length ? h('button', {class: 'link', type: 'button', onclick: () => search('is:unneeded')}, plural(unneeded.length, 'package')) : null],
      ]),
      levels.length ? [h('h3', null, 'Findings'), h('p', null, levels.map(([level, count]) => mark(level, `${number.format(count)} ${level}`)))] : null,
      h('h3', null, 'Largest packages'),
      bySize.map(entry => rank(packageLink(entry.index), bytes(entry.size), entry.size / largest)),
      h('h3', null, 'Licences'),
      common.map(([name, count]) => rank(h('span', null, name), number.format(count), count / common[0][1])),
    ].flat(2).filter(Boolean);
  },
};

const rank = (name, value, part) => h('div', {class: 'rank'}, name, h('span', {class: 'num soft'}, value),
  s('svg', {viewBox: '0 0 100 5', preserveAspectRatio: 'none', 'aria-hidden': 'true'}, s('rect', {class: 'none', width: 100, height: 5}), s('rect', {class: 'full', width: (100 * part).toFixed(2), height: 5})));
