/** Owns making elements: nothing that comes from the network is ever read as HTML. */

/**
 * An element. `onclick` and the like are listeners, `class` and `aria-…` attributes, `true` an attribute without value;
 * undefined and false are left out, as are children that are undefined.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/**
 * A labelled input in a paragraph.
 * @param {string} label
 * @param {Record<string, unknown>} attributes  of the input; `name` is needed.
 */
export function field(label, attributes) {
  const id = attributes['id'] ?? `field-${String(attributes['name'])}`;
  return h('p', { class: 'field' }, h('label', { for: id }, label), h('input', { ...attributes, id }));
}

/**
 * A form that shows its own errors and is busy while it works.
 * @param {{ submit: string, onsubmit: (values: Record<string, string>) => Promise<void> }} options
 * @param {...(Node | string | undefined)} children
 */
export function form({ submit, onsubmit }, ...children) {
  const alert = h('p', { role: 'alert', class: 'error' });
  const button = h('button', { type: 'submit', class: 'primary' }, submit);
  const element = /** @type {HTMLFormElement} */ (h('form', { novalidate: true }, ...children, alert, button));
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    alert.textContent = '';
    button.toggleAttribute('disabled', true);
    const values = Object.fromEntries([...new FormData(element)].map(([key, value]) => [key, String(value)]));
    try {
      await onsubmit(values);
    } catch (error) {
      alert.textContent = error instanceof Error ? error.message : String(error);
    }
    button.toggleAttribute('disabled', false);
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
