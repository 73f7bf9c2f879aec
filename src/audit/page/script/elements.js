// Elements: made of names and texts, never of markup, so that nothing a package says can be more than text.

const SVG = 'http://www.w3.org/2000/svg';
const byId = id => document.getElementById(id);

const fill = (made, properties, children) => {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false));
  return made;
};
const h = (name, properties, ...children) => fill(document.createElement(name), properties, children);
const s = (name, properties, ...children) => fill(document.createElementNS(SVG, name), properties, children);

// A link that leads out: to the web or nowhere.
const outside = (url, text = url) =>
  /^https?:\/\//i.test(url ?? '') ? h('a', {href: url, rel: 'noopener noreferrer', target: '_blank'}, text) : h('span', null, text);

const mark = (level, text = level) => h('span', {class: `mark ${level}`}, text);

const packageLink = place => h('button', {class: 'link', type: 'button', onclick: () => choose(place, true)}, packages[place].name);

// A word beside the pointer, or beside what has the focus.
const tip = {
  show(text, x, y) {
    const box = byId('tip');
    box.textContent = text;
    box.hidden = false;
    const {width, height} = box.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    box.style.top = `${y + 18 + height > innerHeight ? Math.max(8, y - height - 12) : y + 18}px`;
  },
  hide() { byId('tip').hidden = true; },
  on(element, text) {
    element.addEventListener('pointermove', event => tip.show(text(), event.clientX, event.clientY));
    element.addEventListener('pointerleave', tip.hide);
    element.addEventListener('focus', () => {
      if (!element.matches(':focus-visible')) return;
      const at = element.getBoundingClientRect();
      tip.show(text(), at.left, at.bottom - 10);
    });
    element.addEventListener('blur', tip.hide);
  },
};
