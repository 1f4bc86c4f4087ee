/** Owns making elements: nothing that comes from the network is ever read as HTML. */

/** @typedef {Record<string, string | number | boolean | undefined | ((event: any) => void)>} Attributes */

/**
 * An element. `onclick` and the like are listeners, `true` is an attribute without value; undefined and false are left
 * out, as are children that are undefined.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/**
 * A labelled input.
 * @param {string} label
 * @param {Attributes} attributes  of the input; `name` is needed.
 */
export function field(label, attributes) {
  const id = attributes['id'] ?? `field-${String(attributes['name'])}`;
  return h('p', { class: 'field' }, h('label', { for: id }, label), h('input', { ...attributes, id }));
}

/** @param {string} text @param {() => unknown} onclick */
export function button(text, onclick) {
  return h('button', { type: 'button', onclick }, text);
}

/**
 * A form that shows its own errors and is busy while it works.
 * @param {{ submit: string, onsubmit: (values: Record<string, string>) => Promise<void> }} options
 * @param {...(Node | string | undefined)} children
 */
export function form({ submit, onsubmit }, ...children) {
  const alert = h('p', { role: 'alert', class: 'error' });
  const sender = h('button', { type: 'submit', class: 'primary' }, submit);
  const element = h('form', { novalidate: true }, ...children, alert, sender);
  const work = async () => {
    alert.textContent = '';
    sender.disabled = true;
    const values = [...new FormData(element)].map(([key, value]) => [key, typeof value === 'string' ? value : '']);
    try {
      await onsubmit(Object.fromEntries(values));
    } catch (error) {
      alert.textContent = error instanceof Error ? error.message : String(error);
    }
    sender.disabled = false;
  };
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    void work();
  });
  return element;
}

/** @param {number} ms  since 1970 */
export function timeOf(ms) {
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return isToday ? time : `${date.toLocaleDateString()} ${time}`;
}
