/** Owns what the server says when it is ready: above all, what somebody who is new here does next. */
import type { Config } from '#config/schema.ts';
import { readVersion } from '#core/version.ts';

export type RunningServer = {
  /** The URL of the Matrix API, as this machine reaches it. */
  readonly url: string;
  /** The same for other machines of the local network. */
  readonly lanUrl?: string | undefined;
  /** Until there is an account: what makes the link of the set-up page work. */
  readonly setUpToken?: string | undefined;
  /** The token with which people may register, when registration goes by token. */
  readonly registrationToken?: string | undefined;
};

export function welcome(config: Config, server: RunningServer): string {
  const publicUrl = config.publicUrl ?? server.url;
  const lines = [
    `Causeway ${readVersion()} is ready at ${publicUrl}`,
    `Server name ${config.serverName}, data in ${config.dataDir}`,
    '',
    ...nextSteps(server, publicUrl),
    '',
    `  ${registrationSentence(config, server.registrationToken)}`,
  ];
  if (server.lanUrl !== undefined) lines.push(`  Other machines of this network reach it at ${server.lanUrl}`);
  if (config.trial) {
    lines.push(
      '  This is a trial without federation. The server name can never be changed later: to run a server for others,',
      '  set server_name (CAUSEWAY_SERVER_NAME) and start with an empty data directory.',
    );
  }
  return `${[...lines, '  Ctrl-C stops the server.'].join('\n')}\n`;
}

function nextSteps({ lanUrl, url, setUpToken }: RunningServer, publicUrl: string): string[] {
  if (setUpToken !== undefined) {
    return [
      '  Set it up in a browser, with this link, which works once:',
      '',
      `    ${lanUrl ?? url}/#setup=${setUpToken}`,
    ];
  }
  return [
    `  Chat in a browser:           ${lanUrl ?? publicUrl}/`,
    `  Or in any Matrix client, Element (https://element.io/download) for example, with homeserver ${publicUrl}`,
  ];
}

function registrationSentence(config: Config, registrationToken: string | undefined): string {
  const { mode } = config.registration;
  if (mode === 'open') return 'Anybody who reaches this server can register.';
  if (mode === 'token' && registrationToken !== undefined) {
    return `Others can register in their client with the registration token ${registrationToken}`;
  }
  return 'Nobody else can register; "causeway create-user" creates their accounts too.';
}
