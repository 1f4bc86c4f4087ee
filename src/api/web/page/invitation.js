/** Owns inviting a person to the server: a link for one new account, and the same as a picture for a phone. */
import { encode } from './uqr.js';
import { openDialog } from './dialogs.js';
import { h } from './dom.js';

const svgNamespace = 'http://www.w3.org/2000/svg';

/**
 * @param {import('./client.js').Client} client
 * @param {string[]} urls  at which the server is reached, the one for other machines last
 */
export async function invitationDialog(client, urls) {
  const { token } = await client.ask('POST', '/_causeway/invitations');
  const link = `${urls.at(-1) ?? location.origin}/#invite=${token}`;
  const input = h('input', { id: 'invitation-link', readonly: true, value: link });
  const copy = async () => {
    input.select();
    await navigator.clipboard?.writeText(link);
  };
  return openDialog('Invite somebody to this server', () => [
    h('p', {}, 'This link makes one account, within seven days. Send it to the person you want to talk with.'),
    h('p', { class: 'field' }, h('label', { for: 'invitation-link' }, 'The link'), input),
    h('button', { type: 'button', class: 'primary', onclick: () => void copy() }, 'Copy'),
    qrCode(link),
    new URL(link).hostname === '127.0.0.1'
      ? h(
          'p',
          { class: 'muted' },
          'Only this machine reaches that address. Start the server with --lan for others of your network.',
        )
      : undefined,
  ]);
}

/** @param {string} text */
function qrCode(text) {
  const { data, size } = encode(text);
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('class', 'qr');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'QR code of the link');
  const path = document.createElementNS(svgNamespace, 'path');
  const squares = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')));
  path.setAttribute('d', squares.join(''));
  svg.append(path);
  return svg;
}
