// Lists that draw what is on screen and nothing else.
//
// A list has rows: { key, kind, height, ... }, each with a height that is known beforehand, so that a row's place is a
// sum. Elements are kept by key: a row that is still there keeps its element, which is what lets bars move instead of
// jumping. `kinds[kind]` has `create()`, which makes an element, and `update(element, row)`, which fills it.

/** How much is drawn above and below what is seen, in pixels. */
const MARGIN = 240;

/** Makes an element with a class and children. Text is text. */
export function make(tag, name = '', ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/** Sets a text, and does not touch the element if it is the same. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Makes the children of an element those of the items, in order, reusing elements by key. */
export function keyed(parent, items, keyOf, create, update) {
  const known = (parent.byKey ??= new Map());
  const next = new Map();
  let before = null;
  for (const item of items) {
    const key = keyOf(item);
    const element = known.get(key) ?? create(item);
    known.delete(key);
    next.set(key, element);
    update(element, item);
    const place = before ? before.nextSibling : parent.firstChild;
    if (element !== place) parent.insertBefore(element, place);
    before = element;
  }
  for (const element of known.values()) element.remove();
  parent.byKey = next;
}

export class List {
  constructor(scroller, kinds, { role }) {
    this.scroller = scroller;
    this.kinds = kinds;
    this.role = role;
    this.rows = [];
    this.tops = [0];
    this.drawn = new Map();
    this.active = null;
    this.canvas = make('div', 'canvas');
    this.canvas.setAttribute('role', 'presentation');
    scroller.append(this.canvas);
    this.queued = false;
    scroller.addEventListener('scroll', () => this.queue(), { passive: true });
    new ResizeObserver(() => this.queue()).observe(scroller);
  }

  /** Shows these rows from now on. */
  show(rows) {
    this.rows = rows;
    this.tops = [0];
    for (const row of rows) this.tops.push(this.tops.at(-1) + row.height);
    this.canvas.style.height = `${this.tops.at(-1)}px`;
    if (this.active !== null && !rows.some((row) => row.key === this.active)) this.active = null;
    this.draw();
  }

  queue() {
    if (this.queued) return;
    this.queued = true;
    requestAnimationFrame(() => {
      this.queued = false;
      this.draw();
    });
  }

  /** The first row that ends below a height. */
  at(height) {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] > height) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  draw() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = this.at(scrollTop - MARGIN);
    const wanted = new Map();
    for (let i = first; i < this.rows.length && this.tops[i] < scrollTop + clientHeight + MARGIN; i += 1) {
      wanted.set(this.rows[i].key, i);
    }
    // What has the focus stays, wherever it is.
    const active = this.indexOf(this.active);
    if (active >= 0) wanted.set(this.active, active);
    for (const [key, element] of this.drawn) {
      if (!wanted.has(key)) {
        element.remove();
        this.drawn.delete(key);
      }
    }
    let before = null;
    for (const [key, index] of [...wanted].sort((a, b) => a[1] - b[1])) {
      const row = this.rows[index];
      let element = this.drawn.get(key);
      if (element && element.kind !== row.kind) {
        element.remove();
        element = null;
      }
      if (!element) {
        element = this.kinds[row.kind].create(row);
        element.kind = row.kind;
        element.key = key;
        element.id = `${this.scroller.id}-${(List.ids += 1)}`;
        element.classList.add('row', row.kind);
        element.setAttribute('role', this.role);
        this.drawn.set(key, element);
      }
      const place = before ? before.nextSibling : this.canvas.firstChild;
      if (element !== place) this.canvas.insertBefore(element, place);
      before = element;
      element.style.transform = `translateY(${this.tops[index]}px)`;
      element.style.height = `${row.height - (row.gap ?? 0)}px`;
      element.classList.toggle('active', key === this.active);
      if (this.role === 'treeitem') element.setAttribute('aria-selected', key === this.active);
      element.setAttribute('aria-setsize', row.size ?? this.rows.length);
      element.setAttribute('aria-posinset', row.place ?? index + 1);
      if (element.row !== row) {
        element.row = row;
        this.kinds[row.kind].update(element, row);
      }
    }
    const focused = this.drawn.get(this.active);
    if (focused) this.scroller.setAttribute('aria-activedescendant', focused.id);
    else this.scroller.removeAttribute('aria-activedescendant');
  }

  indexOf(key) {
    return key === null ? -1 : this.rows.findIndex((row) => row.key === key);
  }

  /** Makes a row the active one and brings it into sight. */
  activate(index) {
    if (index < 0 || index >= this.rows.length) return;
    this.active = this.rows[index].key;
    const { scrollTop, clientHeight } = this.scroller;
    const [top, bottom] = [this.tops[index], this.tops[index + 1]];
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.scroller.scrollTop = bottom - clientHeight;
    this.draw();
  }
}

/** How many rows were ever drawn: what makes their ids different. */
List.ids = 0;
